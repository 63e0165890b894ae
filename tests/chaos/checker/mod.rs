//! Proves from the record and the database that nothing was lost, doubled or broken, and measures how long recoveries took. Knows
//! nothing of how anything was broken.

mod facts;
mod figures;
mod growth;
mod laws;
pub mod tests;
mod timeline;

pub use self::facts::Facts;
pub use self::figures::{Figure, repeated, spent};
pub use self::growth::described;
pub use self::laws::{Violation, check, run_after_success};
pub use self::timeline::{Reply, Timeline};
