//! The child runtime that cells run in.
//!
//! ```text
//! kernel ── supervisor ── runner          executes the cell
//!                    └─── checkpoint      a fork of the runner, made before the cell, asleep
//! ```
//!
//! evcxr starts the supervisor as its "subprocess" and speaks its line protocol with it over
//! stdin and stdout; the pid it knows never changes. What the user's code prints travels on pipes
//! of its own, and everything the kernel should know arrives as frames on one socket. After an
//! interrupt, a `process::exit` or a crash the checkpoint takes the runner's place, so the
//! variables of earlier cells are still there, and evcxr is told to forget the cell.
//!
//! What does not come back: threads other than the main one, and whatever lies outside the
//! process (files, sockets, children).

mod frame;
mod markers;
mod runner;
mod supervisor;
mod system;

pub use frame::{Death, Event, EventReader, Order, send_order};
pub use supervisor::supervise;
pub use system::{adopt_socket, kill_compilers, socket_pair};

/// File descriptor of the socket to the kernel inside the supervisor.
pub const KERNEL_SOCKET: i32 = 100;

/// Path of the helper library ([`super::cell_helper`]).
pub const HELPER_VARIABLE: &str = "LAZULI_CELL_HELPER";

/// Resident bytes of the runner above which no checkpoint is made.
pub const CHECKPOINT_LIMIT_VARIABLE: &str = "LAZULI_CHECKPOINT_LIMIT";
