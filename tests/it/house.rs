//! The rules of the house that no tool knows, and a test of each rule that it finds a planted fault. The layers are
//! described in docs/ARCHITECTURE.md.

mod chapters;
mod cycles;
mod definitions;
mod files;
mod interface;
mod layers;
mod lengths;
mod links;
mod logs;
mod names;
mod prose;
mod runbook;
mod sentences;
mod settings;
mod words;

fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
