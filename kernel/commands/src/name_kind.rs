/// What kind of name an argument takes. It is declared in the table as the argument's value name
/// (`RUN`, `MODEL` …), which is also what the help shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    Workspace,
    Experiment,
    Run,
    Metric,
    Model,
    Dataset,
    Datastore,
    Compute,
    Environment,
    Secret,
    /// A file or folder at the caller.
    File,
    /// A file kept with a run.
    Artifact,
    /// A command of the table.
    Command,
}

impl NameKind {
    pub const ALL: [NameKind; 13] = [
        Self::Workspace,
        Self::Experiment,
        Self::Run,
        Self::Metric,
        Self::Model,
        Self::Dataset,
        Self::Datastore,
        Self::Compute,
        Self::Environment,
        Self::Secret,
        Self::File,
        Self::Artifact,
        Self::Command,
    ];

    pub fn of(argument: &clap::Arg) -> Option<NameKind> {
        let names = argument.get_value_names()?;
        names.iter().find_map(|name| Self::of_value_name(name))
    }

    pub fn of_value_name(value_name: &str) -> Option<NameKind> {
        Some(match value_name {
            "WORKSPACE" => Self::Workspace,
            "EXPERIMENT" => Self::Experiment,
            "RUN" => Self::Run,
            "METRIC" => Self::Metric,
            "MODEL" => Self::Model,
            // Most words of a query are not names, but these are what one wants to look up.
            "DATASET" | "QUERY" => Self::Dataset,
            "DATASTORE" => Self::Datastore,
            "COMPUTE" => Self::Compute,
            "ENVIRONMENT" => Self::Environment,
            "SECRET" => Self::Secret,
            "FILE" | "FOLDER" | "SCRIPT" | "PROGRAM" => Self::File,
            "ARTIFACT" => Self::Artifact,
            "TOPIC" => Self::Command,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::Metric => "metric",
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Datastore => "datastore",
            Self::Compute => "compute target",
            Self::Environment => "environment",
            Self::Secret => "secret",
            Self::File => "file",
            Self::Artifact => "artifact",
            Self::Command => "command",
        }
    }
}
