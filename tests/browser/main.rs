//! The dashboard in Chromium, on a real PostgreSQL: what only a browser shows. `.ci/browser` runs it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod acts;
mod axe;
mod browser;
mod demo;
mod driver;
mod keys;
mod live;
mod nginx;
mod outage;
mod pictures;
mod progress;
mod reading;
mod site;
mod stories;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other integration tests use the rest of it")]
mod support;
