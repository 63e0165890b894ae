//! The test kit (feature `testing`), as an application uses it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod app;
mod crash;
mod databases;
mod enqueued;
mod examples;
mod payloads;
mod running;
mod time;
mod waits;
