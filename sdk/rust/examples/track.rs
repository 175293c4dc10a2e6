//! An interactive run: log, keep a file, look at it.

use lazuli::prelude::*;

fn main() -> lazuli::Result<()> {
    let workspace = Workspace::from_config()?;
    let run = workspace.experiment("gradient-descent")?.start_logging()?;

    run.set_parameter("learning rate", 0.1)?;
    let mut x: f64 = 4.0;
    for _ in 0..20 {
        x -= 0.1 * 2.0 * x;
        run.log("x squared", x * x)?;
    }
    run.log_row("result", [("x", x), ("x squared", x * x)])?;
    std::fs::write("x.txt", x.to_string()).expect("the current folder is writable");
    run.upload_file("outputs/x.txt", "x.txt")?;
    run.tag("converged", if x.abs() < 0.1 { "yes" } else { "no" })?;
    run.complete()?;

    let metrics = run.metrics()?;
    println!("x squared began at {:.2}", metrics.series("x squared")[0]);
    println!("{} points, {}", metrics.series("x squared").len(), run.status()?);
    Ok(())
}
