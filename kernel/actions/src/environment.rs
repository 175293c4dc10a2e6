use std::time::Duration;

use lazuli::Result;
use lazuli_commands::nearest;
use lazuli_commands::table::{CreateEnvironment, EnvironmentCommand};
use lazuli_domain::{
    ApiError, BuildStatus, CachedEnvironment, CondaDependency, CondaSpecification, CondaText,
    Environment, EnvironmentDefinition, EnvironmentState, ErrorKind, JobEnvironment, NewBuild,
    NewEnvironment,
};
use serde_json::json;

use crate::show::{age, byte_size, date_time, now_ms, shorten};
use crate::{Context, Outcome, Session, Table, Talk, files, run};

/// Between two looks at a build.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub(crate) fn perform(
    command: &EnvironmentCommand,
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    match command {
        EnvironmentCommand::List { cached: true, .. } => list_cached(context),
        EnvironmentCommand::List { all, .. } => {
            let found = context.client.environments(&session.workspace, *all)?;
            let nothing = format!(
                "workspace `{}` has no environments of its own; {} shows those that come with Lazuli",
                session.workspace,
                context.say("environment list --all")
            );
            let mut table =
                Table::new(["Name", "Version", "Made of", "Created"]).when_empty(nothing.as_str());
            for environment in &found {
                table.row(vec![
                    environment.name.clone(),
                    environment.version.clone(),
                    shorten(&in_words(&environment.definition), 60),
                    match environment.curated {
                        true => "comes with Lazuli".to_owned(),
                        false => age(environment.created_at_ms, now_ms()),
                    },
                ]);
            }
            Outcome::table(&table, &found)
        }
        EnvironmentCommand::Show { name } => show(context, session, name),
        EnvironmentCommand::Create(new) => create(context, session, new),
        EnvironmentCommand::Build { name, python } => {
            build(context, session, talk, name, python.as_deref())
        }
        EnvironmentCommand::Delete { name } => {
            context.client.delete_environment(&session.workspace, name)?;
            Outcome::new(format!("forgot the environment `{name}`"), &json!({ "name": name }))
        }
    }
}

/// `NAME` or `NAME:VERSION`, for a job.
pub(crate) fn job_environment(given: &str) -> JobEnvironment {
    let (name, version) = name_and_version(given);
    JobEnvironment { name: name.to_owned(), version: version.map(str::to_owned), definition: None }
}

fn name_and_version(given: &str) -> (&str, Option<&str>) {
    match given.rsplit_once(':') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => (name, Some(version)),
        _ => (given, None),
    }
}

fn list_cached(context: &Context) -> Result<Outcome> {
    let environments = context.client.cached_environments()?;
    let nothing = "no environment was made here yet; one is made when a run is submitted in it";
    let mut table =
        Table::new(["Hash", "Python", "State", "Size", "Created", "Packages"]).when_empty(nothing);
    for environment in &environments {
        table.row(vec![
            shorten(&environment.hash, 12).replace('…', ""),
            environment.python.clone(),
            state(environment.state).to_owned(),
            byte_size(environment.size),
            age(environment.created_at_ms, now_ms()),
            shorten(&environment.packages.join(" "), 60),
        ]);
    }
    Outcome::table(&table, &environments)
}

fn show(context: &Context, session: &Session, given: &str) -> Result<Outcome> {
    let (name, version) = name_and_version(given);
    let unknown = match context.client.environment(&session.workspace, name, version) {
        Ok(environment) => return Outcome::new(describe(&environment), &environment),
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        Err(error) => return Err(error),
    };
    // What was made here has a hash and no name.
    let is_hash = given.len() >= 4 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        return Err(unknown);
    }
    let cached = context.client.cached_environments()?;
    let mut found = cached.iter().filter(|environment| environment.hash.starts_with(given));
    match (found.next(), found.next()) {
        (Some(environment), None) => Outcome::new(describe_cached(environment), environment),
        (Some(_), Some(_)) => {
            Err(ApiError::conflict(format!("several environments begin with `{given}`"))
                .hint("give more of the hash")
                .into())
        }
        (None, _) => {
            let hashes = cached.iter().map(|known| known.hash.as_str());
            match nearest(given, hashes) {
                Some(right) => Err(ApiError::not_found("environment", given)
                    .hint(format!("did you mean `{right}`?"))
                    .into()),
                None => Err(unknown),
            }
        }
    }
}

fn describe(environment: &Environment) -> String {
    let definition = &environment.definition;
    let mut lines = vec![
        format!("Environment {}", environment.name),
        format!("Version     {}", environment.version),
    ];
    if !environment.labels.is_empty() {
        lines.push(format!("Labels      {}", environment.labels.join(" ")));
    }
    lines.push(match environment.curated {
        true => "Created     comes with Lazuli".to_owned(),
        false => format!("Created     {}", date_time(environment.created_at_ms)),
    });
    let python = &definition.python;
    if python.user_managed || python.interpreter.is_some() {
        let interpreter = python.interpreter.as_deref().unwrap_or("that of who submits");
        lines.push(format!("Interpreter {interpreter}"));
    }
    if let Some(base) = &python.base_conda_environment {
        lines.push(format!("conda       {base}"));
    }
    let packages = |conda: &CondaSpecification| {
        let named = [
            ("conda", conda.conda_packages().collect::<Vec<_>>()),
            ("pip", conda.pip_lines().collect()),
        ];
        let named = named.into_iter().filter(|(_, packages)| !packages.is_empty());
        named
            .map(|(by, packages)| format!("{by:<11} {}", packages.join("\n            ")))
            .collect::<Vec<_>>()
    };
    lines.extend(python.conda.iter().flat_map(packages));
    for (name, value) in &definition.environment_variables {
        lines.push(format!("Variable    {name}={value}"));
    }
    lines.join("\n")
}

fn describe_cached(environment: &CachedEnvironment) -> String {
    let mut text = format!(
        "Environment {}\nPython      {}\nState       {}\nSize        {}\nCreated     {}\nPackages    {}",
        environment.hash,
        environment.python,
        state(environment.state),
        byte_size(environment.size),
        date_time(environment.created_at_ms),
        environment.packages.join("\n            "),
    );
    for note in &environment.notes {
        text.push_str(&format!("\nNote        {note}"));
    }
    text
}

/// `python=3.8 numpy six`
fn in_words(definition: &EnvironmentDefinition) -> String {
    let python = &definition.python;
    if let Some(base) = &python.base_conda_environment {
        return format!("the conda environment {base}");
    }
    match &python.conda {
        Some(conda) if !python.user_managed => {
            conda.conda_packages().chain(conda.pip_lines()).collect::<Vec<_>>().join(" ")
        }
        _ => python.interpreter.clone().unwrap_or_else(|| "the Python of who submits".to_owned()),
    }
}

fn create(context: &Context, session: &Session, new: &CreateEnvironment) -> Result<Outcome> {
    let mut definition = EnvironmentDefinition::default();
    if let Some(file) = &new.conda_file {
        let text = CondaText { text: read(context, file)?, file: Some(file.clone()) };
        definition.python.conda = Some(context.client.read_conda(&text)?);
    } else if let Some(interpreter) = &new.interpreter {
        let place = context.path(interpreter);
        if !place.is_file() {
            return Err(ApiError::not_found("Python interpreter", interpreter)
                .hint("give `--interpreter` the path of a program")
                .into());
        }
        definition.python.user_managed = true;
        definition.python.interpreter = Some(place.to_string_lossy().into_owned());
    } else {
        let mut pip = new.packages.clone();
        if let Some(file) = &new.requirements {
            let text = read(context, file)?;
            let lines = text.lines().map(str::trim);
            pip.extend(
                lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned),
            );
        }
        let python = new.python_version.iter().map(|version| format!("python={version}"));
        let packages = python.chain(new.conda_packages.iter().cloned());
        let mut dependencies: Vec<CondaDependency> =
            packages.map(CondaDependency::Package).collect();
        if !pip.is_empty() {
            dependencies.push(CondaDependency::Pip { pip });
        }
        if dependencies.is_empty() {
            return Err(ApiError::invalid(format!(
                "the environment `{}` is made of nothing",
                new.name
            ))
            .hint("give `--pip`, `--conda`, `--conda-file`, `--requirements` or `--interpreter`")
            .into());
        }
        definition.python.conda =
            Some(CondaSpecification { dependencies, ..CondaSpecification::default() });
    }
    definition.environment_variables = run::tags(&new.variables);
    let environment = context.client.register_environment(
        &session.workspace,
        &NewEnvironment {
            name: new.name.clone(),
            version: new.version.clone(),
            definition,
            labels: Vec::new(),
        },
    )?;
    let label = Environment::label_of(&environment.name, &environment.version);
    Outcome::new(format!("environment `{label}` is registered"), &environment)
}

fn build(
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
    given: &str,
    python: Option<&str>,
) -> Result<Outcome> {
    let (name, version) = name_and_version(given);
    let client = &context.client;
    let environment = client.environment(&session.workspace, name, version)?;
    let interpreter = match python {
        Some(named) if named.contains('/') => Some(context.path(named)),
        Some(named) => Some(context.config.find_program(named).ok_or_else(|| {
            ApiError::not_found("Python interpreter", named)
                .hint("install it, or give `--python` the path of one")
        })?),
        None => context.config.python(),
    };
    let asked =
        NewBuild { interpreter: interpreter.map(|path| path.to_string_lossy().into_owned()) };
    let (name, version) = (&environment.name, &environment.version);
    let mut build = client.build_environment(&session.workspace, name, version, &asked)?;
    let mut told = 0;
    loop {
        let has_ended = build.status != BuildStatus::Running;
        let said = client.environment_build_log(&build.build_id, told)?;
        told += said.len() as u64;
        if !said.is_empty() {
            talk.print(&String::from_utf8_lossy(&said));
        }
        if has_ended && said.is_empty() {
            break;
        }
        if talk.interrupted() {
            let text = format!("build `{}` goes on", build.build_id);
            return Outcome::new(text, &build);
        }
        if !has_ended {
            std::thread::sleep(BETWEEN_LOOKS);
            build = client.environment_build(&build.build_id)?;
        }
    }
    let label = Environment::label_of(name, version);
    match (build.status, &build.error) {
        (BuildStatus::Succeeded, _) => {
            let python = build.built.as_ref().map(|built| built.interpreter.as_str());
            let text = format!("environment `{label}` is made: {}", python.unwrap_or_default());
            Outcome::new(text, &build)
        }
        (_, Some(error)) => {
            let mut refusal = ApiError::conflict(error.message.clone());
            let first = error.details.lines().next().unwrap_or_default();
            refusal.hint = first.strip_prefix("hint: ").map(str::to_owned);
            Err(refusal.into())
        }
        _ => Err(ApiError::conflict(format!("the build of `{label}` was canceled"))
            .hint("build it again")
            .into()),
    }
}

fn read(context: &Context, file: &str) -> Result<String> {
    let place = context.path(file);
    match std::fs::read(&place) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_not_text| {
            ApiError::invalid(format!("`{file}` is no text"))
                .hint("save it encoded in UTF-8")
                .into()
        }),
        Err(error) => Err(files::missing(&place, file, &error)),
    }
}

fn state(state: EnvironmentState) -> &'static str {
    match state {
        EnvironmentState::Building => "building",
        EnvironmentState::Ready => "ready",
    }
}
