//! Creates, changes, pauses, deletes and triggers schedules. SQL functions decide what a change means, for callers in SQL
//! too. Only the expression is parsed here. A running scheduler finds the next fire.

use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::read::ScheduleFire;
use crate::error::StoreError;
use crate::job::payload::character_problem;
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::encoding::naming;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, nul_problem};

const SCHEDULE: &str = "schedule";

/// Makes a schedule. It fires from its next moment on.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a field breaks its limit, or the expression or the zone cannot be read.
/// [`StoreError::AlreadyExists`] when the name is taken. [`StoreError::Database`] when the database refuses for another reason.
/// Nothing is stored then, and a transaction of the caller can go on.
pub fn create(conn: &mut impl AsSession, schedule: &NewSchedule) -> Result<(), StoreError> {
    schedule.fields().validate()?;
    write(conn, schedule.name(), schedule.fields(), Write::Create)
}

/// Changes the fields that the changes name. Another expression, zone or date counts from now on: the next fire is planned
/// again.
///
/// # Errors
///
/// As [`create`], and [`StoreError::NotFound`] when there is no such schedule.
pub fn update(conn: &mut impl AsSession, name: &str, changes: &ScheduleChanges) -> Result<(), StoreError> {
    changes.check_name(name)?;
    changes.validate()?;
    write(conn, name, changes, Write::Change)
}

/// Stops a schedule from firing. Fires that are due meanwhile are not made up for.
///
/// # Errors
///
/// [`StoreError::NotFound`] when there is no such schedule. [`StoreError::Database`] when the database refuses or cannot be
/// reached.
pub fn pause(conn: &mut impl AsSession, name: &str) -> Result<(), StoreError> {
    write(conn, name, &ScheduleChanges::new().paused(true), Write::Change)
}

/// Lets a paused schedule fire again, from its next moment on.
///
/// # Errors
///
/// As [`pause`].
pub fn resume(conn: &mut impl AsSession, name: &str) -> Result<(), StoreError> {
    write(conn, name, &ScheduleChanges::new().paused(false), Write::Change)
}

/// Deletes a schedule. The jobs it has added stay, and so do its fires in the history until their retention is over.
///
/// # Errors
///
/// As [`pause`].
pub fn delete(conn: &mut impl AsSession, name: &str) -> Result<(), StoreError> {
    let deleted = Statement::<(Bool,)>::new("SELECT mainspring.delete_schedule({})");
    let (found,): (bool,) = deleted.text("name", name).contained().get_result(conn)?;
    if found { Ok(()) } else { Err(StoreError::not_found(SCHEDULE, name)) }
}

/// Fires a schedule now, paused or not, and returns the fire. The schedule's overlap policy holds: the fire may have been
/// skipped, and then has no job. Its next fire stays where it is.
///
/// # Errors
///
/// As [`pause`].
pub fn trigger(conn: &mut impl AsSession, name: &str) -> Result<ScheduleFire, StoreError> {
    let fired = Statement::<(Text,)>::new(
        "SELECT row_to_json(f)::text FROM mainspring.trigger_schedule({}) AS f WHERE f.outcome IS NOT NULL",
    );
    let fire = rows(conn, fired.text("name", name).contained())?.pop();
    fire.ok_or_else(|| StoreError::not_found(SCHEDULE, name))
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Create,
    Change,
}

fn write(
    conn: &mut impl AsSession,
    name: &str,
    fields: &ScheduleChanges,
    how: Write,
) -> Result<(), StoreError> {
    let is_new = matches!(how, Write::Create);
    let texts = fields.texts();
    let problem = |(field, text): &(String, String)| {
        let is_json = matches!(field.as_str(), "payload" | "flags");
        if is_json { character_problem(field, text) } else { nul_problem(field, text) }
    };
    if let Some(problem) = texts.iter().find_map(problem) {
        return Err(problem.into());
    }
    let text = format!("SELECT mainspring.write_schedule({{}}, {{}}::jsonb, {is_new})");
    let written = Statement::<(Nullable<BigInt>,)>::new(text)
        .text("name", name)
        .bind::<Text, _>(fields.to_json())
        .contained()
        .get_result::<(Option<i64>,)>(conn)
        .map_err(|error| {
            naming(conn, error, texts.iter().map(|(field, text)| (field.as_str(), text.as_str())))
        })?;
    written.0.map(drop).ok_or_else(|| StoreError::not_found(SCHEDULE, name))
}
