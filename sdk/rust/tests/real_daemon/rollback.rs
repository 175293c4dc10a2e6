use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use lazuli::prelude::*;

use crate::alone::alone;

/// What the kernel does around a cell: the process is forked, the copy waits, the cell runs and is
/// killed, the copy goes on with the memory of before.
#[test]
fn nothing_is_doubled_or_lost_when_a_cell_is_rolled_back() {
    alone("rollback::nothing_is_doubled_or_lost_when_a_cell_is_rolled_back", || {
        let run =
            Workspace::from_config().unwrap().experiment("x").unwrap().start_logging().unwrap();
        let mut next = 0;
        let mut log = |run: &Run, count: i64| {
            for _ in 0..count {
                run.log("logged", next).unwrap();
                next += 1;
            }
        };
        log(&run, 10);
        // The cell that is killed has logged 7 points; its memory goes with it.
        in_a_cell_that_is_killed(|| {
            log(&run, 7);
            // It has talked to the daemon, too: no connection of its is used by the copy.
            assert_eq!(run.metrics().unwrap().series("logged").len(), 17);
        });
        // Here `next` is 10 again.
        log(&run, 5);
        let expected: Vec<f64> = (0..17).chain(10..15).map(f64::from).collect();
        let metrics = run.metrics().unwrap();
        assert_eq!(metrics.series("logged"), expected);
        let steps: Vec<i64> =
            metrics.get("logged").unwrap().points.iter().map(|point| point.step).collect();
        assert_eq!(steps, (0..22).collect::<Vec<i64>>());
        run.complete().unwrap();
        assert_eq!(run.details().unwrap().rejected_records, 0);
        assert_eq!(run.metrics().unwrap().series("logged"), expected);
    });
}

#[test]
fn a_process_and_its_copy_log_at_the_same_time() {
    alone("rollback::a_process_and_its_copy_log_at_the_same_time", || {
        let run =
            Workspace::from_config().unwrap().experiment("x").unwrap().start_logging().unwrap();
        let copy = fork_of(|| {
            for value in 0..500 {
                run.log("copy", value).unwrap();
            }
        });
        for value in 0..500 {
            run.log("original", value).unwrap();
        }
        assert_eq!(wait_for(copy), 0);
        let expected: Vec<f64> = (0..500).map(f64::from).collect();
        run.complete().unwrap();
        let metrics = run.metrics().unwrap();
        assert_eq!(metrics.series("original"), expected);
        assert_eq!(metrics.series("copy"), expected);
        assert_eq!(run.details().unwrap().rejected_records, 0);
    });
}

#[test]
fn a_cell_killed_amid_logging_leaves_whole_records() {
    alone("rollback::a_cell_killed_amid_logging_leaves_whole_records", || {
        let run =
            Workspace::from_config().unwrap().experiment("x").unwrap().start_logging().unwrap();
        let (mut reached, mut well_on) = UnixStream::pair().unwrap();
        let cell = fork_of(|| {
            for value in 0i64.. {
                run.log("cell", value).unwrap();
                if value == 200 {
                    well_on.write_all(b".").unwrap();
                }
            }
        });
        reached.read_exact(&mut [0]).expect("the cell logs");
        kill(cell);
        run.log("after", 1).unwrap();
        run.complete().unwrap();
        let metrics = run.metrics().unwrap();
        let logged = metrics.series("cell");
        assert!(logged.len() > 200);
        let expected: Vec<f64> = (0..logged.len()).map(|value| value as f64).collect();
        assert_eq!(logged, expected);
        assert_eq!(metrics.series("after"), [1.0]);
        assert_eq!(run.details().unwrap().rejected_records, 0);
    });
}

/// Runs `cell` in a fork that is killed as soon as it has come to its end. The kernel keeps the copy
/// and kills the original; to the memory of the one that goes on it is the same.
fn in_a_cell_that_is_killed(cell: impl FnOnce()) {
    let (mut reached, mut at_end) = UnixStream::pair().unwrap();
    let cell = fork_of(move || {
        cell();
        at_end.write_all(b".").unwrap();
        loop {
            std::thread::park();
        }
    });
    reached.read_exact(&mut [0]).expect("the cell comes to its end");
    kill(cell);
}

fn kill(fork: libc::pid_t) {
    // SAFETY: the pid is that of a fork that has not been waited for.
    assert_eq!(unsafe { libc::kill(fork, libc::SIGKILL) }, 0);
    assert_eq!(wait_for(fork), libc::SIGKILL);
}

fn fork_of(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child uses the allocator, which the C library keeps usable over a fork, and takes
    // no lock that another thread could have held.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: leaves without running the test harness's own clean-up.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    pid
}

/// Exit code, or the signal that ended it.
fn wait_for(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is a place to write to.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}
