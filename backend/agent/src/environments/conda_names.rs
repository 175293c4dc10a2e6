//! Packages as conda writes them, in pip's words.

/// What a conda package is to pip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsPip {
    /// `scikit-learn==1.2.*`
    Requirement(String),
    /// The interpreter, and which version of it.
    Python(Option<String>),
    /// There anyway.
    Present,
    /// No Python package: a library or a program that wheels bring themselves, or that is left out.
    LeftOut,
}

/// Names that differ.
const RENAMED: [(&str, &str); 22] = [
    ("pytorch", "torch"),
    ("pytorch-cpu", "torch"),
    ("pytorch-gpu", "torch"),
    ("torchvision-cpu", "torchvision"),
    ("tensorflow-mkl", "tensorflow"),
    ("tensorflow-base", "tensorflow"),
    ("tensorflow-gpu", "tensorflow"),
    ("keras-gpu", "keras"),
    ("py-xgboost", "xgboost"),
    ("py-xgboost-cpu", "xgboost"),
    ("py-lightgbm", "lightgbm"),
    ("matplotlib-base", "matplotlib"),
    ("seaborn-base", "seaborn"),
    ("dask-core", "dask"),
    ("distributed-base", "distributed"),
    ("opencv", "opencv-python-headless"),
    ("py-opencv", "opencv-python-headless"),
    ("ruamel_yaml", "ruamel.yaml"),
    ("pytables", "tables"),
    ("msgpack-python", "msgpack"),
    ("python-graphviz", "graphviz"),
    ("pillow-simd", "pillow"),
];

/// What has no counterpart that pip would have to install.
const NO_PYTHON: [&str; 26] = [
    "blas",
    "ca-certificates",
    "cpuonly",
    "cudatoolkit",
    "cudnn",
    "gcc",
    "gxx_linux-64",
    "intel-openmp",
    "libblas",
    "libcblas",
    "libffi",
    "libgcc",
    "libgcc-ng",
    "libgfortran-ng",
    "liblapack",
    "libstdcxx-ng",
    "mkl",
    "nccl",
    "nomkl",
    "openmp",
    "openmpi",
    "openssl",
    "pytorch-cuda",
    "pytorch-mutex",
    "readline",
    "zlib",
];

/// Reads conda's `[channel::]name[ version [build]]` in all the ways it is written.
pub fn as_pip(package: &str) -> AsPip {
    let package = package.rsplit("::").next().unwrap_or(package).trim();
    // `numpy[version='>=1.20']`
    let (package, bracket) = match package.split_once('[') {
        Some((name, rest)) => (name.trim(), bracket_version(rest)),
        None => (package, None),
    };
    let end = package.find(|it: char| "=<>!~ ".contains(it)).unwrap_or(package.len());
    let (name, version) = package.split_at(end);
    let name = name.to_lowercase();
    let version = bracket.unwrap_or_else(|| version.trim().to_owned());
    let specifier = specifier(&version);
    match name.as_str() {
        "python" => {
            let digits = version.trim_start_matches(['=', '>', '~', ' ']);
            let end = digits.find(|it: char| !(it.is_ascii_digit() || it == '.'));
            let digits = &digits[..end.unwrap_or(digits.len())];
            AsPip::Python(Some(digits.trim_end_matches('.').to_owned()).filter(|it| !it.is_empty()))
        }
        "pip" | "python_abi" => AsPip::Present,
        name if NO_PYTHON.contains(&name) || name.starts_with('_') => AsPip::LeftOut,
        name => {
            let renamed = RENAMED.iter().find(|(conda, _)| *conda == name);
            let name = renamed.map_or(name, |(_, pip)| pip);
            AsPip::Requirement(format!("{name}{specifier}"))
        }
    }
}

fn bracket_version(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("version=")?;
    let quote = rest.chars().next().filter(|it| "'\"".contains(*it))?;
    rest[1..].split(quote).next().map(str::to_owned)
}

/// `=1.2` means 1.2 and what follows it; `=1.2=py38_0` names a build, which pip has not.
fn specifier(version: &str) -> String {
    if let Some(exact) = version.strip_prefix("==") {
        let exact = exact.split('=').next().unwrap_or_default().trim();
        return format!("=={exact}");
    }
    if let Some(fuzzy) = version.strip_prefix('=') {
        let fuzzy = fuzzy.split(['=', ' ']).next().unwrap_or_default().trim_end_matches('*');
        let fuzzy = fuzzy.trim_end_matches('.');
        return if fuzzy.is_empty() { String::new() } else { format!("=={fuzzy}.*") };
    }
    if version.starts_with(|it: char| it.is_ascii_digit()) {
        // `numpy 1.20.* py38_0`
        let first = version.split_whitespace().next().unwrap_or_default();
        return match first.contains(['<', '>', ',', '|']) {
            true => String::new(),
            false => format!("=={first}"),
        };
    }
    version.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conda: &str, pip: &str) {
        assert_eq!(as_pip(conda), AsPip::Requirement(pip.to_owned()), "{conda}");
    }

    #[test]
    fn packages_of_conda_in_the_words_of_pip() {
        check("numpy", "numpy");
        check("Scikit-Learn=0.22.1", "scikit-learn==0.22.1.*");
        check("scikit-learn==0.22.1", "scikit-learn==0.22.1");
        check("pandas=1.0=py36_0", "pandas==1.0.*");
        check("pandas>=1.0,<2", "pandas>=1.0,<2");
        check("pandas >=1.0, <2", "pandas>=1.0,<2");
        check("numpy 1.20.*", "numpy==1.20.*");
        check("numpy=1.20.*", "numpy==1.20.*");
        check("conda-forge::lightgbm", "lightgbm");
        check("pytorch::pytorch=1.6", "torch==1.6.*");
        check("numpy[version='>=1.20']", "numpy>=1.20");
        assert_eq!(as_pip("python=3.6.2"), AsPip::Python(Some("3.6.2".into())));
        assert_eq!(as_pip("python>=3.8"), AsPip::Python(Some("3.8".into())));
        assert_eq!(as_pip("python"), AsPip::Python(None));
        assert_eq!(as_pip("pip"), AsPip::Present);
        assert_eq!(as_pip("cudatoolkit=10.1"), AsPip::LeftOut);
    }
}
