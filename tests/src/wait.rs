use std::time::{Duration, Instant};

/// Asks again until there is an answer. The limit is for a test that hangs; nobody waits for it.
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(120), what, &mut answer)
}

pub fn within<T>(limit: Duration, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
