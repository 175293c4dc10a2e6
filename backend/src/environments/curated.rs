//! Environments that come with Lazuli, under the names that scripts for Azure ML know. What stands
//! behind such a name there is an image; here it is the packages that its scripts import, of its
//! time.

use lazuli_domain::{CondaDependency, CondaSpecification, EnvironmentDefinition, PythonSection};

struct Curated {
    name: &'static str,
    python: &'static str,
    /// pip requirements.
    packages: &'static [&'static str],
}

const BASE: &str = "azureml-defaults";

#[rustfmt::skip]
const CURATED: &[Curated] = &[
    Curated { name: "AzureML-Minimal", python: "3.8", packages: &[BASE] },
    Curated { name: "AzureML-Tutorial", python: "3.8", packages: &[BASE, "azureml-mlflow", "pandas", "scikit-learn", "matplotlib", "joblib"] },
    Curated { name: "AzureML-Scikit-learn-0.20.3", python: "3.8", packages: &[BASE, "scikit-learn", "joblib", "pandas", "scipy"] },
    Curated { name: "AzureML-Scikit-learn0.24-Cuda11-OpenMpi4.1.0-py36", python: "3.8", packages: &[BASE, "azureml-mlflow", "scikit-learn==0.24.2", "joblib", "pandas", "scipy", "matplotlib"] },
    Curated { name: "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "scikit-learn==0.24.2", "joblib", "pandas", "scipy", "matplotlib"] },
    Curated { name: "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "scikit-learn==1.0.2", "joblib", "pandas", "scipy", "matplotlib"] },
    Curated { name: "AzureML-sklearn-1.1-ubuntu20.04-py38-cpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "scikit-learn==1.1.3", "joblib", "pandas", "scipy", "matplotlib"] },
    Curated { name: "AzureML-sklearn-1.5", python: "3.10", packages: &["mlflow", "scikit-learn==1.5.2", "joblib", "pandas", "scipy", "matplotlib", "numpy"] },
    Curated { name: "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "lightgbm==3.2.1", "scikit-learn", "pandas"] },
    Curated { name: "AzureML-lightgbm-3.3", python: "3.9", packages: &[BASE, "azureml-mlflow", "lightgbm==3.3.5", "scikit-learn", "pandas"] },
    Curated { name: "AzureML-xgboost-0.9-ubuntu18.04-py37-cpu-inference", python: "3.8", packages: &[BASE, "xgboost==0.90", "scikit-learn", "pandas"] },
    Curated { name: "AzureML-xgboost-1.5", python: "3.8", packages: &[BASE, "azureml-mlflow", "xgboost==1.5.2", "scikit-learn", "pandas"] },
    Curated { name: "AzureML-onnxruntime-1.6-ubuntu18.04-py37-cpu-inference", python: "3.8", packages: &[BASE, "onnxruntime", "onnx"] },
    Curated { name: "AzureML-PyTorch-1.6-CPU", python: "3.8", packages: &[BASE, "azureml-mlflow", "torch==1.6.0", "torchvision==0.7.0"] },
    Curated { name: "AzureML-PyTorch-1.6-GPU", python: "3.8", packages: &[BASE, "azureml-mlflow", "torch==1.6.0", "torchvision==0.7.0"] },
    Curated { name: "AzureML-pytorch-1.9-ubuntu18.04-py37-cuda11-gpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "torch==1.9.0", "torchvision==0.10.0", "tqdm", "psutil"] },
    Curated { name: "AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "torch==1.10.0", "torchvision==0.11.1", "tqdm", "psutil"] },
    Curated { name: "AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "torch==1.13.1", "torchvision==0.14.1", "tqdm", "psutil"] },
    Curated { name: "AzureML-TensorFlow-2.3-CPU", python: "3.8", packages: &[BASE, "azureml-mlflow", "tensorflow==2.3.4"] },
    Curated { name: "AzureML-TensorFlow-2.3-GPU", python: "3.8", packages: &[BASE, "azureml-mlflow", "tensorflow==2.3.4"] },
    Curated { name: "AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "tensorflow==2.4.4"] },
    Curated { name: "AzureML-tensorflow-2.7-ubuntu20.04-py38-cuda11-gpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "tensorflow==2.7.4"] },
    Curated { name: "AzureML-responsibleai-0.20-ubuntu20.04-py38-cpu", python: "3.8", packages: &[BASE, "azureml-mlflow", "responsibleai==0.20.0", "raiutils", "scikit-learn", "pandas"] },
];

pub(super) fn names<'a>() -> impl Iterator<Item = &'a str> {
    CURATED.iter().map(|curated| curated.name)
}

/// The name as it is written here, and what stands behind it; whatever the case. Azure made hundreds
/// of such names by one pattern: one that is not in the table is read by it.
pub(super) fn find(name: &str) -> Option<(String, EnvironmentDefinition)> {
    if let Some(curated) = CURATED.iter().find(|curated| curated.name.eq_ignore_ascii_case(name)) {
        let packages = curated.packages.iter().map(|package| (*package).to_owned());
        return Some((curated.name.to_owned(), definition(curated.python, packages.collect())));
    }
    let (python, packages) = read_name(name)?;
    Some((name.to_owned(), definition(&python, packages)))
}

/// `AzureML-tensorflow-2.16-cuda12` is TensorFlow 2.16: the framework, its version, and somewhere
/// `py38`. The version may stand right behind the framework (`AzureML-Scikit-learn0.24-..`).
fn read_name(name: &str) -> Option<(String, Vec<String>)> {
    let lower = name.to_ascii_lowercase();
    let rest = lower.strip_prefix("azureml-")?;
    let rest = rest.strip_prefix("acpt-").unwrap_or(rest);
    let (framework, packages) =
        FRAMEWORKS.iter().find(|(framework, _)| rest.starts_with(framework))?;
    let rest = rest[framework.len()..].trim_start_matches('-');
    let version: String = rest.chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
    let version = version.trim_end_matches('.');
    let (main, further) = packages.split_first()?;
    let mut lines = vec![BASE.to_owned(), "azureml-mlflow".to_owned()];
    lines.push(match version {
        "" => (*main).to_owned(),
        version => format!("{main}=={version}.*"),
    });
    lines.extend(further.iter().map(|package| (*package).to_owned()));
    let python = rest.split('-').find_map(|part| {
        let digits = part.strip_prefix("py").filter(|digits| digits.len() >= 2)?;
        let is_number = digits.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| format!("{}.{}", &digits[..1], &digits[1..]))
    });
    // The names of the first years end so, and mean the Python of then.
    let is_old = ["-cpu", "-gpu"].iter().any(|end| lower.ends_with(end));
    let python = python.unwrap_or_else(|| if is_old { "3.6" } else { "3.10" }.to_owned());
    Some((python, lines))
}

/// What a name says, and what its scripts import.
#[rustfmt::skip]
const FRAMEWORKS: &[(&str, &[&str])] = &[
    ("sklearn", &["scikit-learn", "joblib", "pandas", "scipy", "matplotlib"]),
    ("scikit-learn", &["scikit-learn", "joblib", "pandas", "scipy", "matplotlib"]),
    ("pytorch", &["torch", "torchvision", "tqdm", "psutil"]),
    ("tensorflow", &["tensorflow"]),
    ("lightgbm", &["lightgbm", "scikit-learn", "pandas"]),
    ("xgboost", &["xgboost", "scikit-learn", "pandas"]),
    ("onnxruntime", &["onnxruntime", "onnx"]),
    ("responsibleai", &["responsibleai", "raiutils", "scikit-learn", "pandas"]),
    ("chainer", &["chainer"]),
];

fn definition(python: &str, packages: Vec<String>) -> EnvironmentDefinition {
    let conda = CondaSpecification {
        name: None,
        channels: vec!["conda-forge".to_owned()],
        dependencies: vec![
            CondaDependency::Package(format!("python={python}")),
            CondaDependency::Pip { pip: packages },
        ],
        variables: Default::default(),
    };
    let python = PythonSection { conda: Some(conda), ..PythonSection::default() };
    EnvironmentDefinition { python, ..EnvironmentDefinition::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_in_the_table_is_read() {
        let check = |name: &str, python: &str, package: &str| {
            let (named, definition) = find(name).expect(name);
            let conda = definition.python.conda.expect("packages");
            assert_eq!(named, name);
            assert_eq!(conda.conda_packages().next(), Some(format!("python={python}").as_str()));
            assert!(conda.pip_lines().any(|line| line == package), "{name}: {conda:?}");
        };
        check("AzureML-tensorflow-2.16-cuda12", "3.10", "tensorflow==2.16.*");
        check("AzureML-TensorFlow-2.1-GPU", "3.6", "tensorflow==2.1.*");
        check("AzureML-pytorch-1.7-ubuntu18.04-py37-cuda11-gpu", "3.7", "torch==1.7.*");
        check("AzureML-ACPT-pytorch-2.2-cuda12.1", "3.10", "torch==2.2.*");
        check("AzureML-Scikit-learn0.22-py36", "3.6", "scikit-learn==0.22.*");
        check("AzureML-sklearn-1.0-ubuntu20.04-py310-cpu", "3.10", "scikit-learn==1.0.*");
        check("AzureML-lightgbm", "3.10", "lightgbm");
        for none in ["AzureML-Tutorail", "AzureML-", "AzureML-AutoML", "sklearn-1.0"] {
            assert!(find(none).is_none(), "{none}");
        }
    }
}
