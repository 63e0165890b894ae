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

/// Makes a schedule. It fires from its next moment on.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a field breaks its limit, the expression or the zone cannot be read, or the name is
/// taken: nothing is stored. [`StoreError::Database`] when the database refuses for another reason.
pub fn create(conn: &mut impl AsSession, schedule: &NewSchedule) -> Result<(), StoreError> {
    schedule.fields().validate()?;
    write(conn, schedule.name(), schedule.fields(), Write::Create).map(|_| ())
}

/// Changes the fields that the changes name, and returns `false` if there is no such schedule. Another expression,
/// zone or date counts from now on: the next fire is planned again.
///
/// # Errors
///
/// As [`create`].
pub fn update(conn: &mut impl AsSession, name: &str, changes: &ScheduleChanges) -> Result<bool, StoreError> {
    changes.validate()?;
    write(conn, name, changes, Write::Change)
}

/// Stops a schedule from firing, and returns `false` if there is no such schedule. Fires that are due meanwhile are not
/// made up for.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses or cannot be reached.
pub fn pause(conn: &mut impl AsSession, name: &str) -> Result<bool, StoreError> {
    write(conn, name, &ScheduleChanges::new().paused(true), Write::Change)
}

/// Lets a paused schedule fire again, from its next moment on, and returns `false` if there is none.
///
/// # Errors
///
/// As [`pause`].
pub fn resume(conn: &mut impl AsSession, name: &str) -> Result<bool, StoreError> {
    write(conn, name, &ScheduleChanges::new().paused(false), Write::Change)
}

/// Deletes a schedule, and returns `false` if there was none. The jobs it has added stay, and so do its fires in the
/// history until their retention is over.
///
/// # Errors
///
/// As [`pause`].
pub fn delete(conn: &mut impl AsSession, name: &str) -> Result<bool, StoreError> {
    let deleted = Statement::<(Bool,)>::new("SELECT mainspring.delete_schedule({})");
    Ok(deleted.text("name", name).get_result::<(bool,)>(conn)?.0)
}

/// Fires a schedule now, paused or not, and returns the fire, or `None` when there is no such schedule. The schedule's
/// overlap policy holds: the fire may have been skipped, and then has no job. Its next fire stays where it is.
///
/// # Errors
///
/// As [`pause`].
pub fn trigger(conn: &mut impl AsSession, name: &str) -> Result<Option<ScheduleFire>, StoreError> {
    let fired = Statement::<(Text,)>::new(
        "SELECT row_to_json(f)::text FROM mainspring.trigger_schedule({}) AS f WHERE f.outcome IS NOT NULL",
    );
    Ok(rows(conn, fired.text("name", name))?.pop())
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
) -> Result<bool, StoreError> {
    let is_new = matches!(how, Write::Create);
    let texts = fields.texts();
    let problem = |(field, text): &(String, String)| {
        let is_json = matches!(field.as_str(), "payload" | "flags");
        if is_json { character_problem(field, text) } else { nul_problem(field, text) }
    };
    if let Some(problem) = texts.iter().find_map(problem) {
        return Err(StoreError::Invalid(problem));
    }
    let text = format!("SELECT mainspring.write_schedule({{}}, {{}}::jsonb, {is_new})");
    let written = Statement::<(Nullable<BigInt>,)>::new(text)
        .text("name", name)
        .bind::<Text, _>(fields.to_json())
        .get_result::<(Option<i64>,)>(conn)
        .map_err(|error| {
            naming(conn, error, texts.iter().map(|(field, text)| (field.as_str(), text.as_str())))
        })?;
    Ok(written.0.is_some())
}
