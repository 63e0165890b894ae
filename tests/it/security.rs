//! What strangers, small roles and readers of the log may see and do. docs/SECURITY.md states it.

mod output;
mod planted;
