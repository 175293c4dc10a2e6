//! The language server as an editor meets it: the real program on a real daemon.

mod code;
mod editor;
mod explorer;
mod fuzz;
mod machines;
mod magics;
mod survival;
