//! The guide: a chapter for each capability. Its examples are compiled, and run where they need no database.

#[doc = include_str!("../docs/guide/handlers.md")]
pub mod handlers {}

#[doc = include_str!("../docs/guide/queues.md")]
pub mod queues {}

#[doc = include_str!("../docs/guide/time.md")]
pub mod time {}

#[doc = include_str!("../docs/guide/sql.md")]
pub mod sql {}

#[doc = include_str!("../docs/guide/administration.md")]
pub mod administration {}
