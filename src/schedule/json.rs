//! Schedules, and changes to them, as JSON objects: routes take them as bodies. An error names the field, what is expected of it
//! and the kind of value that came, and never a value. The bounds of values are judged where they are stored.

use std::fmt;

use chrono::DateTime;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{NewSchedule, Overlap, ScheduleChanges, moment_text};
use crate::error::{Problem, StoreError};
use crate::job::payload::{cut, kind_of};

const NAME: &str = "name";

/// What a field may be. All but texts that a schedule must have may be null, which means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    TextOrNull,
    Object,
    Integer { least: i64, most: i64 },
    Texts,
    Policy,
    Moment,
    Switch,
}

const FIELDS: [(&str, Kind); 16] = [
    ("task", Kind::Text),
    ("expression", Kind::Text),
    ("payload", Kind::Object),
    ("zone", Kind::TextOrNull),
    ("queue", Kind::TextOrNull),
    ("priority", Kind::Integer { least: i16::MIN as i64, most: i16::MAX as i64 }),
    ("max_attempts", Kind::Integer { least: 1, most: i16::MAX as i64 }),
    ("key", Kind::TextOrNull),
    ("flags", Kind::Texts),
    ("overlap", Kind::Policy),
    ("catch_up", Kind::Integer { least: 0, most: 10_000 }),
    ("starts_at", Kind::Moment),
    ("ends_at", Kind::Moment),
    ("jitter_seconds", Kind::Integer { least: 0, most: 86_400 }),
    ("paused", Kind::Switch),
    ("version", Kind::Integer { least: 0, most: i32::MAX as i64 }),
];

/// What a `ScheduleRow` shows beside them. It is passed over, so that a row that was read can be sent back.
const SHOWN: [&str; 11] = [
    "next_fires",
    "last_fire_at",
    "last_outcome",
    "last_job_id",
    "last_job_state",
    "error",
    "late_since",
    "late_reason",
    "warning",
    "created_at",
    "updated_at",
];

impl Kind {
    fn expected(self) -> String {
        match self {
            Self::Text => "must be a string".into(),
            Self::TextOrNull => "must be a string or null".into(),
            Self::Object => "must be an object or null".into(),
            Self::Integer { least, most } => format!("must be an integer from {least} to {most}, or null"),
            Self::Texts => "must be an array of strings, or null".into(),
            Self::Policy => "must be `allow`, `skip`, `replace` or null".into(),
            Self::Moment => "must be a time such as 2027-01-01T09:00:00Z, or null".into(),
            Self::Switch => "must be true, false or null".into(),
        }
    }

    /// Returns the value as it is stored, or what kind of value came in its place.
    fn read(self, value: Value) -> Result<Value, &'static str> {
        let is_accepted = match self {
            Self::Text | Self::TextOrNull => value.is_string(),
            Self::Object => value.is_object(),
            Self::Integer { least, most } => match value.as_i64() {
                Some(number) if (least..=most).contains(&number) => true,
                Some(_) => return Err("another integer"),
                None => false,
            },
            Self::Texts => match &value {
                Value::Array(texts) if texts.iter().all(Value::is_string) => true,
                Value::Array(_) => return Err("an array of other values"),
                _ => false,
            },
            Self::Policy => match value.as_str() {
                Some(name) if Overlap::ALL.iter().any(|policy| policy.as_str() == name) => true,
                Some(_) => return Err("another string"),
                None => false,
            },
            Self::Moment => match value.as_str().map(DateTime::parse_from_rfc3339) {
                Some(Ok(moment)) => return Ok(moment_text(Some(moment.to_utc())).into()),
                Some(Err(_)) => return Err("another string"),
                None => false,
            },
            Self::Switch => value.is_boolean(),
        };
        if is_accepted || (value.is_null() && self != Self::Text) { Ok(value) } else { Err(kind_of(&value)) }
    }
}

/// Reads a JSON object with the fields of a schedule, and with its name or without.
struct Fields;

macro_rules! no_object {
    ($($method:ident: $type:ty => $found:literal,)+) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Err(E::custom(Problem::new("a schedule", "must be an object", $found)))
        })+
    };
}

impl<'de> Visitor<'de> for Fields {
    type Value = ScheduleChanges;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schedule as an object")
    }

    no_object! {
        visit_bool: bool => "a boolean",
        visit_i64: i64 => "an integer",
        visit_u64: u64 => "an integer",
        visit_f64: f64 => "a floating point number",
        visit_str: &str => "a string",
    }

    fn visit_map<A: MapAccess<'de>>(self, mut body: A) -> Result<ScheduleChanges, A::Error> {
        let (mut fields, mut name) = (Map::new(), None);
        while let Some(field) = body.next_key::<String>()? {
            if SHOWN.contains(&field.as_str()) {
                body.next_value::<IgnoredAny>()?;
                continue;
            }
            let kind = FIELDS.iter().find(|(known, _)| *known == field).map(|(_, kind)| *kind);
            let Some(kind) = kind.or((field == NAME).then_some(Kind::Text)) else {
                return Err(A::Error::custom(unknown(&field)));
            };
            let value = kind.read(body.next_value()?);
            let value = value
                .map_err(|found| A::Error::custom(Problem::new(field.clone(), kind.expected(), found)))?;
            let is_known = match (field == NAME, value) {
                (true, Value::String(text)) => name.replace(text).is_some(),
                (_, value) => fields.insert(field.clone(), value).is_some(),
            };
            if is_known {
                return Err(A::Error::custom(Problem::new(field, "must be given once", "it twice")));
            }
        }
        Ok(ScheduleChanges { fields, name })
    }
}

fn unknown(field: &str) -> Problem {
    let names = FIELDS.map(|(name, _)| name).join(", ");
    Problem::new(
        "a schedule",
        format!("must have the fields {NAME}, {names}"),
        format_args!("`{}`", cut(field, 100)),
    )
}

/// An object with the names that the SQL function `update_schedule` takes. A field that is absent stays as it is, and `null` means
/// its default. A `ScheduleRow` that was read, and edited, is such an object too.
///
/// - Any other field is refused, and so is a value of another kind. The error names the field, and no value.
/// - `overlap` is `"allow"`, `"skip"` or `"replace"`. `catch_up` is how many missed fires are made up for. Times are those of
///   RFC 3339.
/// - What a `ScheduleRow` shows beside these fields is passed over. `name` may be there: [`update`](crate::schedules::update)
///   refuses another name than that of the schedule.
///
/// ```
/// use mainspring::ScheduleChanges;
///
/// let changes: ScheduleChanges = serde_json::from_str(r#"{"expression": "0 3 * * *", "queue": null}"#)?;
/// assert_eq!(changes, ScheduleChanges::new().expression("0 3 * * *").queue(None));
/// let error = serde_json::from_str::<ScheduleChanges>(r#"{"priority": "s3cret"}"#).unwrap_err();
/// assert!(error.to_string().starts_with("priority must be an integer from -32768 to 32767, or null, got a string"));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for ScheduleChanges {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Fields)
    }
}

/// As [`ScheduleChanges`], with `name`, `task` and `expression`, which a schedule must have.
///
/// ```
/// use mainspring::{NewSchedule, Overlap};
///
/// let body = r#"{"name": "nightly", "task": "report.publish", "expression": "30 2 * * *", "overlap": "skip"}"#;
/// let schedule: NewSchedule = serde_json::from_str(body)?;
/// assert_eq!(schedule, NewSchedule::new("nightly", "report.publish", "30 2 * * *").overlap(Overlap::Skip));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for NewSchedule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut fields = from.deserialize_any(Fields)?;
        let name = fields.name.take().ok_or_else(|| D::Error::missing_field(NAME))?;
        for field in ["task", "expression"] {
            if !fields.fields.contains_key(field) {
                return Err(D::Error::missing_field(field));
            }
        }
        Ok(Self { name, fields })
    }
}

impl ScheduleChanges {
    /// Keeps these fields, by their names in JSON, and drops all others, also a `name`: what the users of a route may choose.
    ///
    /// ```
    /// use mainspring::ScheduleChanges;
    ///
    /// let body = r#"{"name": "nightly", "expression": "0 3 * * *", "key": "of another tenant", "priority": -100}"#;
    /// let body: ScheduleChanges = serde_json::from_str(body)?;
    /// assert_eq!(body.only(&["expression", "zone"]), ScheduleChanges::new().expression("0 3 * * *"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn only(mut self, fields: &[&str]) -> Self {
        self.fields.retain(|field, _| fields.contains(&field.as_str()));
        self.name = self.name.filter(|_| fields.contains(&"name"));
        self
    }
}

impl NewSchedule {
    /// Keeps name and task, and of the other fields these, by their names in JSON: see [`ScheduleChanges::only`].
    pub fn only(mut self, fields: &[&str]) -> Self {
        let task = self.task().to_owned();
        self.fields = self.fields.only(fields).task(task);
        self
    }
}

impl ScheduleChanges {
    /// Refuses changes that were read from the body of another schedule.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), StoreError> {
        match &self.name {
            Some(other) if other != name => {
                Err(Problem::new("name", "must stay as it is: create another schedule", "another one").into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The changes for the schedule of this name, without the name that they were read with.
    pub(crate) fn of_schedule(mut self, name: &str) -> Result<Self, StoreError> {
        self.check_name(name)?;
        self.name = None;
        Ok(self)
    }
}

impl Serialize for ScheduleChanges {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        written(to, self.name.as_deref(), &self.fields)
    }
}

impl Serialize for NewSchedule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        written(to, Some(&self.name), &self.fields.fields)
    }
}

fn written<S: Serializer>(to: S, name: Option<&str>, fields: &Map<String, Value>) -> Result<S::Ok, S::Error> {
    let mut object = to.serialize_map(Some(fields.len() + name.iter().count()))?;
    name.iter().try_for_each(|name| object.serialize_entry(NAME, name))?;
    fields.iter().try_for_each(|(field, value)| object.serialize_entry(field, value))?;
    object.end()
}

#[cfg(test)]
mod tests;
