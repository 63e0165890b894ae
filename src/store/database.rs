//! The database as a whole: connect to it, and create, update or verify the schema `mainspring`.
//!
//! ```no_run
//! use mainspring::database;
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = database::connect("postgres://localhost/app")?;
//! let applied = database::migrate(&mut conn)?;
//! println!("applied {applied:?}");
//! database::verify(&mut conn)
//! # }
//! ```

pub use super::connect::connect;
pub use super::migrate::{migrate, repair, verify};
