//! Behind the real PgBouncer. A test without the program is skipped, and prints that.

mod pgbouncer;
mod sessions;
mod transactions;
