//! Traces through jobs, with the SDK of OpenTelemetry and its exporter in memory, against a real PostgreSQL. A subscriber and a
//! propagator hold for a whole process, so these tests have one of their own.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod contexts;
mod doors;
#[path = "../../examples/support/opentelemetry.rs"]
mod opentelemetry;
mod spans;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other integration tests use the rest of it")]
mod support;
mod traces;
