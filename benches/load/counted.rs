//! The bench `load` with each allocation counted, which costs a little time: for its mode `cost`, not for rates.
//!
//! `cargo bench --bench cost -- cost`

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[path = "main.rs"]
mod load;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    load::main()
}
