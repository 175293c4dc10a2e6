// Source of the helper library that the runner loads beside the cells; compiled once per toolchain.
//
// Cells link libstd dynamically, and so does this library: what it does to `stdout` and to the
// panic hook, it does to the cells' own.

use std::io::Write;

unsafe extern "C" {
    fn write(descriptor: i32, bytes: *const u8, length: usize) -> isize;
    fn getpid() -> i32;
    fn gettid() -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn lazuli_flush_stdout() {
    let _ = std::io::stdout().flush();
}

/// Sends `P`, the location, a newline and the message to `reports` when the main thread panics.
/// Other threads print as they always do.
#[unsafe(no_mangle)]
pub extern "C" fn lazuli_install_panic_hook(reports: i32) {
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if unsafe { gettid() != getpid() } {
            return default_hook(panic);
        }
        let payload = panic.payload();
        let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "Box<dyn Any>",
        };
        let location = match panic.location() {
            Some(place) => format!("{}:{}:{}", place.file(), place.line(), place.column()),
            None => String::new(),
        };
        let report = format!("P{location}\n{message}");
        unsafe { write(reports, report.as_ptr(), report.len().min(60_000)) };
    }));
}
