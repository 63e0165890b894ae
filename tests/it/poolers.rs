//! Behind the real PgBouncer. A test without the program is skipped, and prints that.

mod outages;
mod pgbouncer;
mod sessions;
mod transactions;
