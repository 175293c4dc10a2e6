use lazuli::Result;
use lazuli_commands::nearest;
use lazuli_commands::table::ComputeCommand;
use lazuli_domain::ApiError;

use crate::show::byte_size;
use crate::{Context, Outcome, Session, Table};

pub(crate) fn perform(
    command: &ComputeCommand,
    context: &Context,
    session: &Session,
) -> Result<Outcome> {
    let targets = context.client.compute_targets(&session.workspace)?;
    match command {
        ComputeCommand::List => {
            let mut table = Table::new(["Name", "Kind", "Cores", "Memory", "Running"]);
            for target in &targets {
                table.row(vec![
                    target.name.clone(),
                    target.kind.clone(),
                    target.cores.to_string(),
                    byte_size(target.memory),
                    target.running.to_string(),
                ]);
            }
            Outcome::table(&table, &targets)
        }
        ComputeCommand::Show { name } => {
            let Some(target) = targets.iter().find(|target| target.name == *name) else {
                let names = targets.iter().map(|target| target.name.as_str());
                let hint = match nearest(name, names) {
                    Some(right) => format!("did you mean `{right}`?"),
                    None => format!("{} lists them", context.say("compute list")),
                };
                return Err(ApiError::not_found("compute target", name).hint(hint).into());
            };
            let text = format!(
                "Compute {}\nKind    {}\nCores   {}\nMemory  {}\nRunning {}",
                target.name,
                target.kind,
                target.cores,
                byte_size(target.memory),
                target.running
            );
            Outcome::new(text, target)
        }
    }
}
