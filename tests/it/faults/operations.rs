//! Restores, copies, publications, and the commands that operators type.

mod acts;
mod filters;
mod listings;
mod pauses;
mod publications;
mod refusals;
mod restores;
mod two_phases;
