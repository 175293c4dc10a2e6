//! What a call of `run.log` costs a Rust program: prints `[median, 99th percentile]` in microseconds.
//! `tests/bench/tracking.py` runs it.

use std::time::Instant;

use lazuli::Result;
use lazuli::prelude::*;

fn main() -> Result<()> {
    let count: usize =
        std::env::args().nth(1).and_then(|count| count.parse().ok()).expect("a count");
    let run = Workspace::from_config()?.experiment("bench")?.start_logging()?;
    let mut times = Vec::with_capacity(count);
    for step in 0..count {
        let begin = Instant::now();
        run.log("loss", step as f64 * 0.5)?;
        times.push(begin.elapsed().as_nanos());
    }
    run.complete()?;
    times.sort_unstable();
    let microseconds = |nanoseconds: u128| nanoseconds as f64 / 1e3;
    println!("[{}, {}]", microseconds(times[count / 2]), microseconds(times[count * 99 / 100]));
    Ok(())
}
