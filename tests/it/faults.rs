//! One bad row, setting, lock or notification affects only itself. Each file keeps the cases of one area.

mod bounds;
mod cut_off;
mod firing;
mod held_keys;
mod moves;
mod operations;
mod outcomes;
mod payloads;
mod replacing;
mod server;
mod unmovable;
