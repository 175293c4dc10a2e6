//! What is to be made of what was asked for: which interpreter, which packages, and what is to be
//! said about it.

use std::path::{Path, PathBuf};

use lazuli::domain::{CondaSpecification, PythonEnvironment};
use sha2::{Digest, Sha256};

use super::conda::own_channels;
use super::conda_names::{AsPip, as_pip};
use super::era;
use super::interpreters::{self, Interpreter, Minor};
use super::requirements::{self, Line, brought_along, is_pinned, normalized_name, relaxed};
use crate::config::Config;
use crate::end::Stopped;

/// An environment to be made, or to be found made.
#[derive(Debug)]
pub struct Plan {
    pub interpreter: Interpreter,
    /// `--extra-index-url …`, in their order.
    pub options: Vec<String>,
    /// Sorted, each once: the same list in another order is the same environment.
    pub requirements: Vec<String>,
    /// Of packages, whoever asks for them.
    pub constraints: Vec<String>,
    /// What the log says of it.
    pub notes: Vec<String>,
    /// The Python that was asked for is not here.
    pub another_python: bool,
    /// For old versions that have no packages for the interpreter: the oldest one that is here.
    pub elder: Option<Interpreter>,
    /// Some of it was written for conda.
    pub has_conda_packages: bool,
    /// What an environment made by conda has and one made by pip has not: packages that are no Python
    /// packages, and packages of channels of somebody's own.
    only_conda: Vec<String>,
}

/// One way to install; the next one is tried when it fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    pub interpreter: &'a Interpreter,
    pub requirements: Vec<String>,
    pub constraints: Vec<String>,
    /// What the log says before it, where it is not the first.
    pub note: String,
}

impl Plan {
    /// Exactly these packages.
    pub fn of_packages(
        wanted: &PythonEnvironment,
        config: &Config,
        environments: &Path,
    ) -> Result<Plan, Stopped> {
        let path = interpreters::given(wanted.interpreter.as_deref(), config)?;
        let lines = requirements::read(wanted.packages.iter().map(String::as_str));
        let mut packages = Packages::default();
        packages.add(lines, |name| match name {
            "azureml-mlflow" => vec!["mlflow"],
            _ => Vec::new(),
        });
        // Without packages nothing of the interpreter has to be known.
        let interpreter = match packages.requirements.is_empty() {
            true => Interpreter {
                executable: path,
                implementation: String::new(),
                version: String::new(),
                platform: String::new(),
            },
            false => Interpreter::of(&path, environments)?,
        };
        Ok(packages.plan(interpreter, Vec::new(), false, false))
    }

    /// What a conda specification asks for, by pip.
    pub fn of_conda(
        conda: &CondaSpecification,
        given: Option<&str>,
        config: &Config,
        environments: &Path,
    ) -> Result<Plan, Stopped> {
        let mut packages = Packages::default();
        let mut python: Option<String> = None;
        let (mut named, mut left_out) = (Vec::new(), Vec::new());
        for package in conda.conda_packages() {
            match as_pip(package) {
                // A specification may name a package of the old SDK among those of conda.
                AsPip::Requirement(requirement) => {
                    if requirement != package {
                        named.push(format!("`{package}` as `{requirement}`"));
                    }
                    packages.add_line(&requirement);
                }
                AsPip::Python(version) => python = version.or(python),
                AsPip::Present => {}
                AsPip::LeftOut => left_out.push(format!("`{package}`")),
            }
        }
        let has_conda_packages = !packages.requirements.is_empty() || !left_out.is_empty();
        let lines = requirements::read(conda.pip_lines());
        let of_sdk =
            packages.has_served || lines.iter().any(|line| matches!(line, Line::Served { .. }));
        packages.add_served();
        packages.add(lines, |_| Vec::new());
        packages.bring_along();
        if !named.is_empty() {
            packages.notes.push(format!("for pip, {}", named.join(", ")));
        }
        if !left_out.is_empty() {
            packages.notes.push(format!(
                "left out, because pip has no such package: {}",
                left_out.join(", ")
            ));
        }

        let wanted = python.as_deref().and_then(Minor::parse);
        let is_old = wanted.is_some_and(|wanted| wanted < Minor::OLDEST);
        let of_era = is_old || (of_sdk && wanted.is_none_or(|wanted| wanted <= era::NEWEST));
        let interpreter = choose(wanted, of_era, given, config, environments)?;
        let chosen = interpreter.minor();
        let another_python = wanted.is_some_and(|wanted| wanted != chosen);
        if another_python {
            packages.notes.push(format!(
                "the environment asks for Python {}; Python {} is used, the nearest that is here \
                 and that Lazuli works with",
                python.unwrap_or_default(),
                interpreter.version
            ));
        }
        let mut constraints = Vec::new();
        if of_era && !packages.requirements.is_empty() {
            if chosen <= era::NEWEST {
                let pinned: Vec<String> = packages
                    .requirements
                    .iter()
                    .filter(|requirement| is_pinned(requirement))
                    .map(|requirement| normalized_name(requirement))
                    .collect();
                constraints = era::constraints(&pinned);
                packages.notes.push(format!(
                    "packages of the time of SDK v1, where the environment names no version: {}",
                    constraints.join(", ")
                ));
            } else {
                packages.notes.push(format!(
                    "there are no packages of the time of SDK v1 for Python {chosen}: the newest \
                     are taken, in which names such as `np.float` are gone"
                ));
            }
        }
        let elder = match of_era && packages.requirements.iter().any(|it| it.contains("==")) {
            true => elder_than(chosen, config, environments),
            false => None,
        };
        let plan = packages.plan(interpreter, constraints, another_python, has_conda_packages);
        let mut only_conda = left_out;
        only_conda.sort();
        if has_conda_packages {
            only_conda.extend(own_channels(conda).map(str::to_owned));
        }
        Ok(Plan { elder, only_conda, ..plan })
    }

    /// Equal for what gives equal environments.
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        let Interpreter { implementation, version, platform, .. } = &self.interpreter;
        digest.update(format!("{implementation}\n{version}\n{platform}\n"));
        digest.update(self.requirements.join("\n"));
        for (what, lines) in [
            ("options", &self.options),
            ("constraints", &self.constraints),
            ("conda", &self.only_conda),
        ] {
            if !lines.is_empty() {
                digest.update(format!("\n[{what}]\n{}", lines.join("\n")));
            }
        }
        format!("{:x}", digest.finalize())[..32].to_owned()
    }

    /// The ways to install it, the one that was asked for first.
    pub fn attempts(&self) -> Vec<Attempt<'_>> {
        let attempt = |requirements: &[String], constraints: &[String], note: &str| Attempt {
            interpreter: &self.interpreter,
            requirements: requirements.to_vec(),
            constraints: constraints.to_vec(),
            note: note.to_owned(),
        };
        let mut attempts = vec![attempt(&self.requirements, &self.constraints, "")];
        if let Some(elder) = &self.elder {
            let note = format!(
                "not for Python {}; trying Python {}, for which there are older packages",
                self.interpreter.version, elder.version
            );
            let asked = attempt(&self.requirements, &self.constraints, &note);
            attempts.push(Attempt { interpreter: elder, ..asked });
        }
        let looser: Vec<String> = self
            .requirements
            .iter()
            .map(|requirement| relaxed(requirement).unwrap_or_else(|| requirement.clone()))
            .collect();
        let was_old = self.another_python || self.elder.is_some();
        if was_old && looser != self.requirements {
            let note =
                "these versions were made for another Python; trying those that come after them";
            attempts.push(attempt(&looser, &self.constraints, note));
        }
        if !self.constraints.is_empty() {
            let note = "trying without regard to the time of SDK v1";
            attempts.push(attempt(&self.requirements, &[], note));
        }
        attempts
    }
}

/// What is collected of packages.
#[derive(Default)]
struct Packages {
    options: Vec<String>,
    requirements: Vec<String>,
    notes: Vec<String>,
    /// Packages of the old SDK, as line and name, whose companions are still to be added.
    served: Vec<(String, String)>,
    has_served: bool,
}

impl Packages {
    fn add_line(&mut self, line: &str) {
        for line in requirements::read([line]) {
            match line {
                Line::Option(option) => self.options.push(option),
                Line::Package(package) => self.requirements.push(package),
                Line::Served { line, name } => {
                    self.has_served = true;
                    self.served.push((line, name));
                }
            }
        }
    }

    fn add(&mut self, lines: Vec<Line>, means: impl Fn(&str) -> Vec<&'static str>) {
        for line in lines {
            match line {
                Line::Option(option) => self.options.push(option),
                Line::Package(package) => self.requirements.push(package),
                Line::Served { line, name } => {
                    self.say_of_served(&line, &name);
                    for package in means(&name) {
                        self.require(package);
                    }
                    self.served.push((line, name));
                }
            }
        }
    }

    fn add_served(&mut self) {
        for (line, name) in self.served.clone() {
            self.say_of_served(&line, &name);
        }
    }

    fn say_of_served(&mut self, line: &str, name: &str) {
        self.notes.push(match name {
            "azureml-mlflow" => format!("`{line}` means `mlflow`, which logs to this run"),
            _ => format!("`{line}` is not installed: Lazuli brings its own `azureml`"),
        });
    }

    /// Adds what came with packages of the old SDK.
    fn bring_along(&mut self) {
        for (_, name) in std::mem::take(&mut self.served) {
            for package in brought_along(&name) {
                self.require(package);
            }
        }
    }

    /// Unless it is asked for already.
    fn require(&mut self, package: &str) {
        let is_there = |given: &String| {
            let name = normalized_name(given);
            name == package || (package == "mlflow" && name == "mlflow-skinny")
        };
        if !self.requirements.iter().any(is_there) {
            self.requirements.push(package.to_owned());
        }
    }

    fn plan(
        mut self,
        interpreter: Interpreter,
        constraints: Vec<String>,
        another_python: bool,
        has_conda_packages: bool,
    ) -> Plan {
        self.requirements.sort();
        self.requirements.dedup();
        Plan {
            interpreter,
            options: self.options,
            requirements: self.requirements,
            constraints,
            notes: self.notes,
            another_python,
            elder: None,
            has_conda_packages,
            only_conda: Vec::new(),
        }
    }
}

/// The interpreter of who submits, where that is the version wanted; else the nearest that works.
fn choose(
    wanted: Option<Minor>,
    of_era: bool,
    given: Option<&str>,
    config: &Config,
    environments: &Path,
) -> Result<Interpreter, Stopped> {
    let own = interpreters::given(given, config)?;
    let own = Interpreter::of(&own, environments)?;
    let is_right = match wanted {
        Some(wanted) => own.minor() == wanted,
        None => own.minor() >= Minor::OLDEST && (!of_era || own.minor() <= era::NEWEST),
    };
    if is_right {
        return Ok(own);
    }
    let wanted = wanted.map_or(era::NEWEST, |wanted| wanted.max(Minor::OLDEST));
    let mut present = interpreters::present(config);
    present.insert(own.minor(), PathBuf::from(&own.executable));
    while let Some(minor) = interpreters::nearest(wanted, present.keys().copied()) {
        let Some(path) = present.remove(&minor) else { break };
        match Interpreter::of(&path, environments) {
            Ok(interpreter) if interpreter.minor() == minor => return Ok(interpreter),
            Ok(_) => {}
            Err(_) => tracing::warn!("`{}` does not work", path.display()),
        }
    }
    Err(Stopped::failed(
        format!("no Python of version {} or newer was found", Minor::OLDEST),
        "hint: install one, and submit again".to_owned(),
    ))
}

/// The oldest interpreter that works and is older than that.
fn elder_than(chosen: Minor, config: &Config, environments: &Path) -> Option<Interpreter> {
    let present = interpreters::present(config);
    let mut elders = present.range(Minor::OLDEST..chosen);
    elders.find_map(|(minor, path)| {
        Interpreter::of(path, environments).ok().filter(|found| found.minor() == *minor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conda(dependencies: &str) -> CondaSpecification {
        serde_json::from_str(&format!(r#"{{"dependencies": {dependencies}}}"#)).unwrap()
    }

    fn plan(dependencies: &str) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::from_environment();
        Plan::of_conda(&conda(dependencies), None, &config, folder.path()).unwrap()
    }

    #[test]
    fn a_specification_of_the_old_sdk_is_made_of_packages_of_its_time() {
        let plan = plan(
            r#"["python=3.6.2", "scikit-learn", "pandas=0.25.3", "mkl",
                {"pip": ["azureml-defaults", "azureml-mlflow==1.4", "--pre", "pyarrow"]}]"#,
        );
        assert_eq!(
            plan.requirements,
            ["mlflow", "numpy", "pandas==0.25.3.*", "pyarrow", "scikit-learn"]
        );
        assert_eq!(plan.options, ["--pre"]);
        assert!(plan.another_python && plan.has_conda_packages);
        assert!(plan.constraints.contains(&"numpy<1.24".to_owned()), "{:?}", plan.constraints);
        assert!(!plan.constraints.contains(&"pandas<2".to_owned()), "it is pinned");
        let notes = plan.notes.join("\n");
        for said in [
            "`azureml-defaults` is not installed",
            "`azureml-mlflow==1.4` means `mlflow`",
            "`pandas=0.25.3` as `pandas==0.25.3.*`",
            "left out, because pip has no such package: `mkl`",
            "asks for Python 3.6.2; Python 3.",
        ] {
            assert!(notes.contains(said), "{said}: {notes}");
        }
        let attempts = plan.attempts();
        let looser = attempts
            .iter()
            .position(|attempt| attempt.requirements.contains(&"pandas>=0.25.3".to_owned()));
        assert_eq!(looser, Some(attempts.len() - 2));
        assert!(attempts[attempts.len() - 1].constraints.is_empty());
    }

    #[test]
    fn old_versions_are_tried_on_an_older_python() {
        let newer = r#"["python=3.11", {"pip": ["azureml-defaults", "scikit-learn==0.22.1"]}]"#;
        let plan = plan(newer);
        let (chosen, attempts) = (plan.interpreter.minor(), plan.attempts());
        let folder = tempfile::tempdir().unwrap();
        let elder = elder_than(chosen, &Config::from_environment(), folder.path());
        let tried = attempts.iter().map(|attempt| attempt.interpreter.minor()).min();
        // Where this machine has one Python alone, there is no other to be tried.
        assert_eq!(tried, Some(elder.as_ref().map_or(chosen, Interpreter::minor)));
        assert!(elder.is_none_or(|elder| elder.minor() < chosen));
    }

    #[test]
    fn a_new_specification_is_taken_at_its_word() {
        let plan = plan(r#"["numpy", {"pip": ["six==1.16.0"]}]"#);
        assert_eq!(plan.requirements, ["numpy", "six==1.16.0"]);
        assert_eq!(plan.constraints, Vec::<String>::new());
        assert_eq!(plan.notes, Vec::<String>::new());
        assert_eq!(plan.attempts().len(), 1);
    }

    #[test]
    fn the_order_of_packages_makes_no_other_environment() {
        let one = plan(r#"["numpy", {"pip": ["six"]}]"#).hash();
        assert_eq!(plan(r#"[{"pip": ["six", "numpy"]}]"#).hash(), one);
        assert_ne!(plan(r#"[{"pip": ["six", "numpy", "--pre"]}]"#).hash(), one);
    }

    #[test]
    fn what_only_conda_has_makes_another_environment() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::from_environment();
        let hash = |specification: &str| {
            let specification = serde_json::from_str(specification).unwrap();
            Plan::of_conda(&specification, None, &config, folder.path()).unwrap().hash()
        };
        let one = hash(r#"{"dependencies": ["six"]}"#);
        assert_eq!(hash(r#"{"channels": ["conda-forge"], "dependencies": ["six"]}"#), one);
        assert_ne!(hash(r#"{"channels": ["/srv/own"], "dependencies": ["six"]}"#), one);
        assert_ne!(hash(r#"{"dependencies": ["six", "openmpi"]}"#), one);
    }
}
