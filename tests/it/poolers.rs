//! Behind the real PgBouncer, before and since 1.21. A version that is not there is skipped, which a message tells. The variable
//! `MAINSPRING_TEST_PGBOUNCERS` names other programs.

mod outages;
mod pgbouncer;
mod sessions;
mod transactions;
