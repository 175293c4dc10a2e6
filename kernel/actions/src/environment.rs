use lazuli::Result;
use lazuli_commands::nearest;
use lazuli_commands::table::EnvironmentCommand;
use lazuli_domain::{ApiError, EnvironmentState};

use crate::show::{age, byte_size, date_time, now_ms, shorten};
use crate::{Context, Outcome, Table};

pub(crate) fn perform(command: &EnvironmentCommand, context: &Context) -> Result<Outcome> {
    let environments = context.client.environments()?;
    match command {
        EnvironmentCommand::List => {
            let nothing =
                "no environment is cached; one is made when a run is submitted with `--pip`";
            let mut table = Table::new(["Hash", "Python", "State", "Size", "Created", "Packages"])
                .when_empty(nothing);
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
        EnvironmentCommand::Show { hash } => {
            let mut found =
                environments.iter().filter(|environment| environment.hash.starts_with(hash));
            let (Some(environment), None) = (found.next(), found.next()) else {
                let several = environments.iter().any(|known| known.hash.starts_with(hash));
                let hashes = environments.iter().map(|known| known.hash.as_str());
                let error = match several {
                    true => ApiError::conflict(format!("several environments begin with `{hash}`"))
                        .hint("give more of the hash"),
                    false => {
                        ApiError::not_found("environment", hash).hint(match nearest(hash, hashes) {
                            Some(right) => format!("did you mean `{right}`?"),
                            None => format!("{} lists them", context.say("environment list")),
                        })
                    }
                };
                return Err(error.into());
            };
            let text = format!(
                "Environment {}\nPython      {}\nState       {}\nSize        {}\nCreated     {}\nPackages    {}",
                environment.hash,
                environment.python,
                state(environment.state),
                byte_size(environment.size),
                date_time(environment.created_at_ms),
                environment.packages.join("\n            "),
            );
            Outcome::new(text, environment)
        }
    }
}

fn state(state: EnvironmentState) -> &'static str {
    match state {
        EnvironmentState::Building => "building",
        EnvironmentState::Ready => "ready",
    }
}
