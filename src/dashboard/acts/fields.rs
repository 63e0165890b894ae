//! The fields of forms, and what is read of them.

use chrono::{DateTime, NaiveDateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

use crate::dashboard::parts::text::name;
use crate::job::payload::{has_exponent, text_of};
use crate::store::tasks::PublishedTask;

/// A floating point number holds each number of so many digits.
const EXACT_DIGITS: usize = 15;

pub(super) fn input(field: &str, label: &str, value: &str) -> Markup {
    html! { label { (label) input type="text" name=(field) value=(value) dir="auto"; } }
}

pub(super) fn number(field: &str, label: &str, value: &str, default: &str) -> Markup {
    html! { label { (label) input type="text" inputmode="numeric" name=(field) value=(value) placeholder=(default); } }
}

pub(super) fn when(field: &str, label: &str, value: &str) -> Markup {
    html! { label { (label) input type="datetime-local" name=(field) value=(value) step="any"; } }
}

pub(super) fn payload_area(label: &str, value: &str) -> Markup {
    html! {
        label.whole {
            (label)
            // A browser drops the first line break.
            textarea name="payload" rows="5" spellcheck="false" dir="auto" { "\n" (value) }
        }
    }
}

/// The field of a task. It suggests those that workers have published.
pub(super) fn task_field(value: &str, tasks: &[PublishedTask]) -> Markup {
    html! {
        label { "Task" input type="text" name="task" value=(value) list="tasks" dir="auto" required; }
        datalist #tasks { @for task in tasks { option value=(task.name) {} } }
    }
}

/// Why a form was refused.
pub(super) fn problem(why: Option<&str>) -> Markup {
    html! {
        @if let Some(why) = why { div.failure role="alert" { p { (name(why)) } p.muted { "Nothing was changed." } } }
    }
}

/// A payload as the field has it.
pub(super) fn pretty(payload: &Value) -> String {
    serde_json::to_string_pretty(payload).unwrap_or_else(|_| text_of(payload))
}

/// The same of a stored text. One with a number that a value may not hold to its last digit stays as it is.
pub(super) fn pretty_text(stored: &str) -> String {
    match serde_json::from_str(stored) {
        Ok(payload) if is_exact(stored) => pretty(&payload),
        Ok(_) | Err(_) => stored.to_owned(),
    }
}

/// Whether a value holds each number of the JSON text to its last digit.
pub(super) fn is_exact(json: &str) -> bool {
    let is_long = |run: &str| run.len() > EXACT_DIGITS;
    let has_long_number = json.split(|letter: char| !letter.is_ascii_digit() && letter != '.').any(is_long);
    !has_long_number && !has_exponent(json)
}

/// Reads labels with commas between them.
pub(super) fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|label| !label.is_empty())
}

/// Reads a number; an empty text is none.
pub(super) fn integer(field: &str, text: &str) -> Result<Option<i16>, String> {
    let number = Some(text.trim()).filter(|text| !text.is_empty()).map(str::parse::<i16>).transpose();
    number.map_err(|_| format!("{field} must be an integer from -32768 to 32767"))
}

/// Reads a time as browsers write it, in UTC, or one with a zone; an empty text is none.
pub(super) fn moment(field: &str, text: &str) -> Result<Option<DateTime<Utc>>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f"];
    let local = local.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let at = local.map(|local| local.and_utc()).or_else(|| text.parse::<DateTime<Utc>>().ok());
    at.map(Some)
        .ok_or_else(|| format!("{field} must be a time of UTC such as 2026-11-30T08:15, got `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_forms_are_of_utc_and_wrong_ones_are_refused() {
        let read = |text: &str| moment("run_at", text).ok().flatten().map(|at| at.to_rfc3339());
        let expected = Some("2026-11-30T08:15:00+00:00".to_owned());
        for text in ["2026-11-30T08:15", " 2026-11-30 08:15:00 ", "2026-11-30T09:15:00+01:00"] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(moment("run_at", " "), Ok(None));
        for text in ["soon", "2026-11-30", "2026-13-30T08:15", "+262143-01-01T00:00"] {
            assert!(read(text).is_none(), "{text}");
        }
        assert_eq!(integer("priority", " -5 "), Ok(Some(-5)));
        assert_eq!(
            integer("priority", "40000").unwrap_err(),
            "priority must be an integer from -32768 to 32767"
        );
        assert_eq!(flags(" a, ,b,").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_stored_payload_is_shown_with_all_its_digits() {
        assert_eq!(pretty_text(r#"{"n": 0.5}"#), "{\n  \"n\": 0.5\n}");
        for exact in [r#"{"n": 12345678901234567890123}"#, r#"{"n": 0.12345678901234567}"#, r#"{"n": 1e22}"#]
        {
            assert_eq!(pretty_text(exact), exact);
        }
    }
}
