//! A script run: submit, follow, register what it made.

use lazuli::prelude::*;

const SCRIPT: &str = r#"
import argparse
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
run = Run.get_context()
for epoch in range(parser.parse_args().epochs):
    run.log("loss", 1 / (epoch + 1))
    print("epoch", epoch)
open("outputs/model.txt", "w").write("trained")
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all("training")?;
    std::fs::write("training/train.py", SCRIPT)?;

    let workspace = Workspace::from_config()?;
    let experiment = workspace.experiment("training")?;
    let config = ScriptRunConfig::new("training", "train.py").argument("--epochs").argument(3);
    let run = experiment.submit(&config)?.wait_for_completion(true)?;

    let model = run.register_model(
        ModelRegistration::new("demo", "outputs/model.txt").description("made by an example"),
    )?;
    println!("{} version {}, loss {:?}", model.name, model.version, run.metrics()?.scalar("loss"));
    println!("{}", workspace.models()?.len());
    Ok(())
}
