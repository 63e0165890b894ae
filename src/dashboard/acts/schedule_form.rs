//! The form by which a person makes or changes a schedule: what it holds, what of it is new, and what it would do.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{self, moment, pretty};
use crate::cron::Recurrence;
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::schedules::ScheduleRow;

/// Fires that a preview shows.
const FIRES: usize = 5;

/// The texts of the form. An empty one stands for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    /// `preview`, or empty to save.
    pub(super) what: String,
    /// When the schedule was last changed that the form was filled from.
    pub(super) seen: String,
    pub(super) name: String,
    pub(super) task: String,
    pub(super) expression: String,
    pub(super) zone: String,
    pub(super) payload: String,
    pub(super) overlap: String,
    pub(super) catch_up: String,
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    pub(super) jitter_seconds: String,
    pub(super) queue: String,
    pub(super) priority: String,
    pub(super) max_attempts: String,
    pub(super) key: String,
    pub(super) flags: String,
    /// `on`, or empty.
    pub(super) paused: String,
}

/// What a schedule would do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Preview {
    /// The expression in words.
    pub(super) words: String,
    pub(super) fires: Vec<DateTime<Utc>>,
}

impl Form {
    /// The form of a schedule as it is. The payload is empty if the viewer does not see it as it is.
    pub(super) fn of(row: &ScheduleRow, payload: Option<&Value>) -> Self {
        let at = |at: Option<DateTime<Utc>>| at.map(form_moment).unwrap_or_default();
        Self {
            what: String::new(),
            seen: row.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            name: row.name.clone(),
            task: row.task.clone(),
            expression: row.expression.clone(),
            zone: row.zone.clone(),
            payload: payload.map(pretty).unwrap_or_default(),
            overlap: row.overlap.as_str().to_owned(),
            catch_up: row.catch_up.to_string(),
            starts_at: at(row.starts_at),
            ends_at: at(row.ends_at),
            jitter_seconds: row.jitter_seconds.to_string(),
            queue: row.queue.clone().unwrap_or_default(),
            priority: row.priority.to_string(),
            max_attempts: row.max_attempts.to_string(),
            key: row.key.clone().unwrap_or_default(),
            flags: row.flags.as_deref().unwrap_or_default().join(", "),
            paused: if row.paused { "on".to_owned() } else { String::new() },
        }
    }

    /// Whether the schedule was changed after the form was filled from it. A program may leave out when that was.
    pub(super) fn is_older_than(&self, row: &ScheduleRow) -> bool {
        !self.seen.is_empty() && self.seen != row.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// The schedule that it describes.
    pub(super) fn schedule(&self) -> Result<NewSchedule, String> {
        let changes = self.changes(&Self::default())?;
        Ok(NewSchedule::new(&self.name, &self.task, &self.expression).with(changes))
    }

    /// What differs from another form. So a change leaves alone what another person changes meanwhile, and what is the task's
    /// stays the task's.
    pub(super) fn changes(&self, before: &Self) -> Result<ScheduleChanges, String> {
        let mut fields = Map::new();
        for (field, now, old) in
            [("task", &self.task, &before.task), ("expression", &self.expression, &before.expression)]
        {
            if now != old {
                fields.insert(field.to_owned(), now.as_str().into());
            }
        }
        let mut set = |field: &str, read: fn(&str) -> Result<Value, String>, now: &str, old: &str| {
            // Browsers write the ends of lines their own way.
            if now.replace("\r\n", "\n") != old {
                let value = if now.trim().is_empty() { Value::Null } else { read(now)? };
                fields.insert(field.to_owned(), value);
            }
            Ok::<(), String>(())
        };
        set("zone", text, &self.zone, &before.zone)?;
        set("payload", payload, &self.payload, &before.payload)?;
        set("overlap", text, &self.overlap, &before.overlap)?;
        set("catch_up", integer, &self.catch_up, &before.catch_up)?;
        set("starts_at", |text| time("starts_at", text), &self.starts_at, &before.starts_at)?;
        set("ends_at", |text| time("ends_at", text), &self.ends_at, &before.ends_at)?;
        set("jitter_seconds", integer, &self.jitter_seconds, &before.jitter_seconds)?;
        set("queue", text, &self.queue, &before.queue)?;
        set("priority", integer, &self.priority, &before.priority)?;
        set("max_attempts", integer, &self.max_attempts, &before.max_attempts)?;
        set("key", text, &self.key, &before.key)?;
        set("flags", labels, &self.flags, &before.flags)?;
        set("paused", |_| Ok(true.into()), &self.paused, &before.paused)?;
        serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
    }

    /// What a schedule of this expression, zone and dates would do.
    pub(super) fn preview(&self, now: DateTime<Utc>) -> Result<Preview, String> {
        let starts_at = moment("starts_at", &self.starts_at)?;
        let ends_at = moment("ends_at", &self.ends_at)?;
        let zone = if self.zone.is_empty() { "UTC" } else { &self.zone };
        let recurrence = Recurrence::read(&self.expression, zone, starts_at, ends_at)?;
        let words = recurrence.describe();
        Ok(Preview { words, fires: recurrence.fires_after(now).take(FIRES).collect() })
    }
}

/// As the field of a form holds a time of UTC.
fn form_moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

fn text(text: &str) -> Result<Value, String> {
    Ok(text.into())
}

// What is no integer stays a text, which the schedule refuses by name.
fn integer(text: &str) -> Result<Value, String> {
    Ok(text.trim().parse::<i64>().map_or_else(|_| text.into(), Value::from))
}

fn labels(text: &str) -> Result<Value, String> {
    Ok(fields::flags(text).map(Value::from).collect())
}

fn payload(text: &str) -> Result<Value, String> {
    // The text of the parser has a place, and no value.
    serde_json::from_str(text).map_err(|error| format!("payload must be a JSON object: {error}"))
}

fn time(field: &str, text: &str) -> Result<Value, String> {
    Ok(moment(field, text)?.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled() -> Form {
        Form {
            name: "weekly".into(),
            task: "report".into(),
            expression: "0 9 * * mon".into(),
            ..Form::default()
        }
    }

    #[test]
    fn a_form_changes_the_fields_that_differ_and_no_other() {
        let before = Form { priority: "5".into(), queue: "mails".into(), paused: "on".into(), ..filled() };
        assert_eq!(before.changes(&before), Ok(ScheduleChanges::new()));
        let after = Form {
            expression: "0 10 * * mon".into(),
            queue: String::new(),
            flags: "slow, , blue".into(),
            ends_at: "2027-01-01T09:00".into(),
            payload: "{\r\n  \"a\": 1\r\n}".into(),
            paused: String::new(),
            ..before.clone()
        };
        let expected = json!({
            "expression": "0 10 * * mon", "queue": null, "flags": ["slow", "blue"],
            "ends_at": "2027-01-01T09:00:00Z", "payload": {"a": 1}, "paused": null,
        });
        assert_eq!(after.changes(&before), Ok(serde_json::from_value(expected).unwrap()));
        let shown = Form { payload: "{\n  \"a\": 1\n}".into(), ..after.clone() };
        let sent = after.changes(&shown).unwrap();
        assert_eq!(sent, ScheduleChanges::new(), "the ends of lines are the browser's");
    }

    #[test]
    fn a_form_that_does_not_fit_is_refused_by_the_name_of_its_field() {
        for (wrong, problem) in [
            (Form { priority: "high".into(), ..filled() }, "priority must be an integer"),
            (Form { catch_up: "-1".into(), ..filled() }, "catch_up must be an integer from 0 to 10000"),
            (Form { overlap: "both".into(), ..filled() }, "overlap must be `allow`"),
            (Form { payload: "[1]".into(), ..filled() }, "payload must be an object or null"),
            (Form { payload: "{s3cret".into(), ..filled() }, "payload must be a JSON object: key must be"),
            (Form { starts_at: "soon".into(), ..filled() }, "starts_at must be a time"),
        ] {
            let refused = wrong.schedule().unwrap_err();
            assert!(refused.starts_with(problem) && !refused.contains("s3cret"), "{refused}");
        }
        assert_eq!(filled().schedule(), Ok(NewSchedule::new("weekly", "report", "0 9 * * mon")));
    }

    #[test]
    fn a_preview_has_words_and_fires_or_says_why_not() {
        let now = "2026-11-30T08:00:00Z".parse().unwrap();
        let preview = Form { zone: "Europe/Berlin".into(), ..filled() }.preview(now).unwrap();
        assert_eq!(preview.words, "at 09:00 on Monday");
        assert_eq!(preview.fires.len(), FIRES);
        assert_eq!(
            preview.fires.first().map(DateTime::to_rfc3339).as_deref(),
            Some("2026-12-07T08:00:00+00:00")
        );
        let ended = Form { ends_at: "2026-11-30T09:30".into(), ..filled() }.preview(now).unwrap();
        assert_eq!(ended.fires.len(), 1);
        for (wrong, problem) in [
            (Form { expression: "0 25 * * *".into(), ..filled() }, "expression: "),
            (Form { zone: "Berlin".into(), ..filled() }, "zone must be a time zone"),
            (Form { ends_at: "soon".into(), ..filled() }, "ends_at must be a time"),
        ] {
            let refused = wrong.preview(now).unwrap_err();
            assert!(refused.starts_with(problem), "{refused}");
        }
    }
}
