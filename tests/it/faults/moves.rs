//! Promotions, admissions, claims and notifications survive a row or hint that they cannot use.

mod any_column;
mod hints;
mod next_in_queue;
mod payloads;
mod times;
