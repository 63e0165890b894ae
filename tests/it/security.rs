//! What strangers, small roles and readers of the log may see and do. docs/SECURITY.md states it.

mod inputs;
mod output;
mod payload_properties;
mod planted;
pub(crate) mod secrets;
