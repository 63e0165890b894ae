//! Restores, copies, publications, and the commands that operators type.

mod pauses;
mod publications;
