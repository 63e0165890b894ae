//! The protocol of docs/notes/leases.md as a model, and a search of all that may happen to it. The search of a small space is
//! complete. In a larger one, random runs are followed. Both find a fault in variants that are wrong on purpose.
//!
//! `cargo test --release --test model -- --ignored --nocapture` searches larger spaces.
#![allow(missing_docs, unreachable_pub)]

mod act;
mod canonical;
mod constants;
mod fleet;
mod possible;
mod protocol;
mod searches;
mod server;
mod state;
mod swarm;
mod variants;
mod worker;
