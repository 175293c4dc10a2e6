//! Which Python runs the cells: the named one, else the active environment's, else the first
//! `python3` on the `PATH` that has ipykernel.

use std::path::{Path, PathBuf};

use lazuli_python::has_ipykernel;

use crate::interpreter::CellError;
use crate::magic::failure;

pub fn find(named: Option<&Path>, config: &lazuli::Config) -> Result<PathBuf, CellError> {
    if let Some(named) = named {
        let program = match named.components().count() {
            1 => config.find_program(&named.to_string_lossy()).unwrap_or(named.to_owned()),
            _ => named.to_owned(),
        };
        if !program.is_file() {
            return Err(failure(
                "PythonNotFound",
                format!("there is no Python at `{}`", program.display()),
                Some("repeat `lazuli kernel install --python PROGRAM` with one that exists".into()),
            ));
        }
        return if has_ipykernel(&program) { Ok(program) } else { Err(without(&program)) };
    }
    let mut candidates: Vec<PathBuf> = config.environment_python().into_iter().collect();
    candidates.extend(config.find_programs("python3"));
    match candidates.iter().find(|program| has_ipykernel(program)) {
        Some(program) => Ok(program.clone()),
        None => Err(match candidates.first() {
            Some(first) => without(first),
            None => failure(
                "PythonNotFound",
                "there is no `python3` on the `PATH`".into(),
                Some(
                    "install Python 3, or name one: `lazuli kernel install --python PROGRAM`"
                        .into(),
                ),
            ),
        }),
    }
}

fn without(program: &Path) -> CellError {
    let program = program.display();
    failure(
        "IpykernelMissing",
        format!("Python cells need the package `ipykernel`, which `{program}` does not have"),
        Some(format!("{program} -m pip install ipykernel")),
    )
}
