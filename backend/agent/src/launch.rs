//! The command that starts a script, in one process or in several.

use std::path::Path;
use std::process::{Command, Stdio};

use lazuli::domain::{Distributed, DistributedFramework};

use crate::config::Config;
use crate::end::Stopped;

/// `ranks` is for what each process of several says.
pub fn of_script(
    interpreter: &Path,
    script: &Path,
    distributed: Option<&Distributed>,
    ranks: &Path,
    config: &Config,
) -> Result<Command, Stopped> {
    let Some(distributed) = distributed else {
        let mut command = Command::new(interpreter);
        command.arg(script);
        return Ok(command);
    };
    let processes = distributed.processes.to_string();
    if distributed.framework == DistributedFramework::Mpi {
        let mut command = match config.find_program("mpirun") {
            Some(mpirun) => {
                let mut command = Command::new(&mpirun);
                command.args(["-np", &processes]);
                if writes_files(&mpirun) {
                    command.arg("--output-filename").arg(ranks);
                    // In the process itself: `--merge-stderr-to-stdout` reads two streams and puts
                    // together what comes, in the middle of a line and in any order.
                    command.args(["--mca", "iof_base_redirect_app_stderr_to_stdout", "1"]);
                }
                command.arg(interpreter);
                // Of Open MPI, which otherwise minds who runs it and how many cores there are; other
                // kinds of MPI do not read these.
                for (name, value) in [
                    ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
                    ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
                    ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
                    ("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"),
                ] {
                    command.env(name, value);
                }
                command
            }
            // One process needs nobody to start it.
            None if distributed.processes == 1 => Command::new(interpreter),
            None => {
                return Err(Stopped::failed(
                    format!(
                        "the program `mpirun`, which starts {processes} MPI processes, was not found"
                    ),
                    "hint: install Open MPI (`apt install openmpi-bin`), or ask for one process"
                        .to_owned(),
                ));
            }
        };
        command.arg(script);
        return Ok(command);
    }
    let framework = match distributed.framework {
        DistributedFramework::Tensorflow => "tensorflow",
        _ => "pytorch",
    };
    let mut command = Command::new(interpreter);
    command.args(["-m", "lazuli.launch", framework, &processes]);
    command.arg(distributed.parameter_servers.to_string()).arg(script);
    Ok(command)
}

/// Other kinds and versions have other options for it, or say nothing any more beside the files.
fn writes_files(mpirun: &Path) -> bool {
    let told = Command::new(mpirun).arg("--version").stdin(Stdio::null()).output();
    told.is_ok_and(|told| told.stdout.starts_with(b"mpirun (Open MPI) 4."))
}
