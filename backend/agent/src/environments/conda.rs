//! The programs conda, mamba and micromamba, and the environments that they have made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazuli::domain::{CondaDependency, CondaSpecification};
use serde_json::{Value, json};

use super::Teller;
use super::interpreters::Minor;
use super::plan::Plan;
use super::requirements::{Line, normalized_name, read};
use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::process::{self, Ended};

/// Where the channels lie that everybody uses.
const PUBLIC_HOSTS: [&str; 3] = ["conda.anaconda.org", "repo.anaconda.com", "repo.continuum.io"];

/// The first of them that is installed.
pub fn find(config: &Config) -> Option<PathBuf> {
    ["micromamba", "mamba", "conda"].into_iter().find_map(|name| config.find_program(name))
}

/// What conda makes of a specification, and what is then installed by pip's rules.
pub struct Parts {
    conda: Value,
    pub pip: Vec<String>,
}

/// Makes the environment at its place. False: it could not be made, and the log says why.
pub fn make(
    conda: &Path,
    parts: &Parts,
    folder: &Path,
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<bool, Stopped> {
    let name = conda.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // JSON is YAML, and conda goes by the ending of the name.
    let file = folder.with_extension("yml");
    let text = serde_json::to_vec_pretty(&parts.conda).unwrap_or_default();
    fs::write(&file, text).map_err(|error| Stopped::io("write", &file, error))?;
    let mut command = Command::new(conda);
    match name.as_str() {
        "micromamba" => command.args(["create", "--yes", "--prefix"]),
        _ => command.args(["env", "create", "--prefix"]),
    };
    command
        .arg(folder)
        .arg("--file")
        .arg(&file)
        .env("NO_COLOR", "1")
        .env("CONDA_ALWAYS_YES", "true");
    for variable in ["VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"] {
        command.env_remove(variable);
    }
    let start = teller.log.size();
    let ended = process::run(command, None, attention, teller.log);
    if let Err(error) = fs::remove_file(&file) {
        tracing::warn!("`{}` cannot be removed: {error}", file.display());
    }
    match ended {
        Ok(Ended::Exited(status)) if status.success() && folder.join("bin/python").is_file() => {
            Ok(true)
        }
        Ok(Ended::Canceled | Ended::TookTooLong) => Err(Stopped::Canceled),
        Ok(Ended::Exited(status)) => {
            let said = teller.log.tail(start, 16 << 10).unwrap_or_default();
            if let Some(package) = unknown_package(&said) {
                return Err(Stopped::failed(
                    format!(
                        "the Python environment could not be made: `{name}` knows no package `{package}`"
                    ),
                    said,
                ));
            }
            teller.log.say(&format!("`{name}` could not make the environment ({status})"));
            Ok(false)
        }
        Err(error) => {
            teller.log.say(&format!("`{name}` could not be run ({error})"));
            Ok(false)
        }
    }
}

/// The first package that no channel has, in what conda, mamba or micromamba said. Where `python` is
/// among those that are missing, it is the channels that are of no use.
fn unknown_package(said: &str) -> Option<String> {
    let mut packages = Vec::new();
    let mut is_list = false;
    for line in said.lines() {
        let line = line.trim_start_matches([' ', '│', '├', '└', '─']).trim_end();
        if NOT_FOUND.iter().any(|error| line.starts_with(error)) {
            is_list = true;
            packages.extend(line.split_once(": - ").map(|(_, package)| package));
        } else if let Some((_, package)) = line.split_once("nothing provides requested ") {
            packages.push(package);
        } else if let Some((package, _)) =
            line.split_once(" does not exist (perhaps a typo or a missing channel)")
        {
            packages.push(package);
        } else if is_list && let Some(package) = line.strip_prefix("- ") {
            packages.push(package);
        } else if !line.is_empty() {
            is_list = false;
        }
    }
    let is_python = |package: &&str| package.split([' ', '=', '[']).next() == Some("python");
    match packages.iter().any(is_python) {
        true => None,
        // `nosuch =* *` is any version in any build.
        false => packages.first().map(|package| {
            let words = package.split_whitespace().take(2);
            let words = words
                .map(|word| word.trim_end_matches('*'))
                .filter(|word| !["", "="].contains(word));
            words.collect::<Vec<_>>().join(" ")
        }),
    }
}

/// What conda calls it, from 4.3 on; the packages are listed below.
const NOT_FOUND: [&str; 4] = [
    "NoPackagesFoundError",
    "PackageNotFoundError",
    "PackagesNotFoundError",
    "ResolvePackageNotFound",
];

/// Refuses to let pip make what comes from a channel of somebody's own: what has the same name in the public
/// index may be by anybody.
pub fn check_channels(
    specification: &CondaSpecification,
    program: Option<&Path>,
) -> Result<(), Stopped> {
    // An address may hold a password or a token: its beginning is enough to know it by.
    let own = own_channels(specification).next().map(|channel| match host(channel) {
        Some((scheme, host)) => format!("{scheme}://{host}"),
        None => channel.to_owned(),
    });
    let Some(shown) = own else { return Ok(()) };
    Err(match program {
        Some(_) => Stopped::failed(
            format!("conda could not make the environment, whose packages come from `{shown}`"),
            "hint: conda's own words stand above; pip is not asked for packages of a channel of \
             your own, since those of the same name in the public index may be others"
                .to_owned(),
        ),
        None => Stopped::failed(
            format!(
                "the environment's packages come from `{shown}`, a channel that only conda reads, and \
                 no conda, mamba or micromamba is installed"
            ),
            "hint: install one of them, or name the packages under `pip`".to_owned(),
        ),
    })
}

/// Those that are not everybody's.
pub fn own_channels(specification: &CondaSpecification) -> impl Iterator<Item = &str> {
    specification.channels.iter().map(String::as_str).filter(|channel| match host(channel) {
        Some((_, host)) => !PUBLIC_HOSTS.contains(&host),
        None => channel.starts_with(['/', '.']),
    })
}

/// Scheme and host of an address.
fn host(channel: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = channel.split_once("://")?;
    let host = rest.split('/').next().unwrap_or_default();
    Some((scheme, host.rsplit_once('@').map_or(host, |(_, host)| host)))
}

/// The specification without packages that Lazuli serves itself, with a Python that it works with,
/// and with packages of their time.
pub fn parts(specification: &CondaSpecification, plan: &Plan) -> Parts {
    let constraint =
        |name: &str| plan.constraints.iter().find(|it| it.split('<').next() == Some(name)).cloned();
    let mut dependencies = Vec::new();
    for package in specification.conda_packages() {
        let name = normalized_name(package.rsplit("::").next().unwrap_or(package));
        if name == "python" || name == "azureml" || name.starts_with("azureml-") {
            continue;
        }
        dependencies
            .push(json!(constraint(&package.to_lowercase()).unwrap_or_else(|| package.to_owned())));
    }
    let wanted = specification.conda_packages().find_map(|package| {
        let version = package.strip_prefix("python")?.trim_start_matches(['=', ' ']);
        Minor::parse(version)
    });
    let python = wanted.map_or(plan.interpreter.minor(), |wanted| wanted.max(Minor::OLDEST));
    dependencies.insert(0, json!(format!("python={python}")));
    dependencies.insert(1, json!("pip"));
    let mut pip: Vec<String> = plan.options.clone();
    for dependency in &specification.dependencies {
        let CondaDependency::Pip { pip: lines } = dependency else { continue };
        for line in read(lines.iter().map(String::as_str)) {
            if let Line::Package(package) = line {
                pip.push(package);
            }
        }
    }
    // What packages of the old SDK brought along.
    let named = |package: &str| {
        dependencies.iter().filter_map(Value::as_str).any(|it| normalized_name(it) == package)
            || pip.iter().any(|it| normalized_name(it) == package)
    };
    let along: Vec<String> = ["mlflow", "numpy", "pandas", "pyarrow"]
        .into_iter()
        .filter(|package| plan.requirements.iter().any(|it| it == package) && !named(package))
        .map(str::to_owned)
        .collect();
    pip.extend(along);
    let mut conda = json!({ "name": "lazuli", "dependencies": dependencies });
    if !specification.channels.is_empty() {
        conda["channels"] = json!(specification.channels);
    }
    Parts { conda, pip }
}

/// The Python of an environment that conda has made; by its name, or its folder.
pub fn python_of(name: &str, config: &Config) -> Result<PathBuf, Stopped> {
    let environments = environments(config);
    let found = environments.iter().find(|folder| {
        let is_named = folder.file_name().is_some_and(|it| it.to_string_lossy() == name);
        **folder == Path::new(name) || is_named
    });
    let folder = match found {
        Some(folder) => folder.clone(),
        None if Path::new(name).is_absolute() => PathBuf::from(name),
        None => {
            let names: Vec<String> = environments
                .iter()
                .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
                .collect();
            let hint = match names.is_empty() {
                true => "hint: no conda environment was found on this machine".to_owned(),
                false => format!("hint: there are {}", names.join(", ")),
            };
            return Err(Stopped::failed(format!("there is no conda environment `{name}`"), hint));
        }
    };
    let python = folder.join("bin/python");
    match python.is_file() {
        true => Ok(python),
        false => Err(Stopped::failed(
            format!("the conda environment `{}` has no Python", folder.display()),
            "hint: install `python` in it".to_owned(),
        )),
    }
}

/// Folders of environments: conda keeps a list of them, and knows them itself.
fn environments(config: &Config) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = config
        .in_user_home(".conda/environments.txt")
        .and_then(|list| fs::read_to_string(list).ok())
        .map(|list| list.lines().map(|line| PathBuf::from(line.trim())).collect())
        .unwrap_or_default();
    if let Some(conda) = find(config) {
        let listed =
            Command::new(conda).args(["env", "list", "--json"]).stdin(Stdio::null()).output();
        let listed = listed.ok().filter(|output| output.status.success());
        let listed: Value = listed
            .and_then(|output| serde_json::from_slice(&output.stdout).ok())
            .unwrap_or_default();
        let folders = listed["envs"].as_array().cloned().unwrap_or_default();
        found.extend(folders.iter().filter_map(Value::as_str).map(PathBuf::from));
    }
    found.retain(|folder| folder.is_dir());
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_packages_are_found_in_what_every_conda_says() {
        let check = |said: &str, expected: Option<&str>| {
            assert_eq!(unknown_package(said).as_deref(), expected, "{said}");
        };
        // conda 4.3
        check(
            "Fetching package metadata .....\n\n\nNoPackagesFoundError: Package missing in current linux-64 channels: \n  - nosuch\n\n",
            Some("nosuch"),
        );
        check(
            "NoPackagesFoundError: Package missing in current linux-64 channels: \n  - numpy 99*\n",
            Some("numpy 99"),
        );
        check(
            "PackageNotFoundError: Packages missing in current channels: - nosuch\n",
            Some("nosuch"),
        );
        // conda with its own solver
        check(
            "Solving environment: failed\n\nResolvePackageNotFound: \n  - nosuch=1.0\n  - other\n\n",
            Some("nosuch=1.0"),
        );
        let current = "PackagesNotFoundError: The following packages are not available from current channels:\n\n  - nosuch\n\nCurrent channels:\n\n  - https://conda.example.com/python\n\nTo search for alternate channels\n";
        check(current, Some("nosuch"));
        // libmamba in conda, mamba and micromamba
        check(
            "LibMambaUnsatisfiableError: Encountered problems while solving:\n  - nothing provides requested nosuch\n\nCould not solve for environment specs\n",
            Some("nosuch"),
        );
        check("  - nothing provides requested zlib ==1.2.13 h5eee18b_0\n", Some("zlib ==1.2.13"));
        check("  - nothing provides __cuda needed by pytorch-2.1.0-cuda118\n", None);
        let mamba = |missing: &str| {
            format!(
                "error    libmamba Could not solve for environment specs\n    The following package could not be installed\n    └─ {missing} does not exist (perhaps a typo or a missing channel).\ncritical libmamba Could not solve for environment specs\n"
            )
        };
        check(&mamba("nosuch =* *"), Some("nosuch"));
        check(&mamba("nosuch  "), Some("nosuch"));
        check(&mamba("nosuch =1.0 *"), Some("nosuch =1.0"));
        // Without a Python the channels are of no use, whatever else they have not.
        check(&mamba("python =3.12.9 *"), None);
        check("ResolvePackageNotFound: \n  - nosuch\n  - python=3.4\n", None);
        check(
            "CondaHTTPError: HTTP 000 CONNECTION FAILED for url <https://conda.example.com>\n",
            None,
        );
    }
}
