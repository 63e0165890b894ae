//! The JSON API: the same reads and acts as the pages, for programs. Access, rights and the origin are checked before, in one place with
//! those of the pages. The form of each value is that of the program's `--json`.

mod acts;
mod jobs;
mod many;
mod reading;
mod schedules;
mod value;
mod workflows;

pub(super) use self::acts::perform;
pub(super) use self::reading::read;

/// What the paths of the API begin with.
pub(super) const PREFIX: &str = "api/";
