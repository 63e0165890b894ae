//! The options of a crontab line: the query string after the task. It knows nothing of the other parts.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::CronError;
use crate::job::{JobOptions, KeyMode};

/// As many missed fires as are added by default, without `fill`.
const DEFAULT_CATCH_UP: u32 = 100;

/// The most missed fires that a line may make up for. All of them are in memory at once.
pub(super) const MAX_CATCH_UP: u32 = 10_000;

/// The longest back-fill: a hundred years, which may be taken from any sensible date without overflow.
pub(super) const MAX_FILL: TimeDelta = TimeDelta::weeks(5200);

/// The values of the options, or their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) id: Option<String>,
    pub(super) zone: Tz,
    pub(super) fill: Option<TimeDelta>,
    /// `None`: the default, which `fill` decides.
    pub(super) catch_up: Option<u32>,
    pub(super) job: JobOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self { id: None, zone: Tz::UTC, fill: None, catch_up: None, job: JobOptions::default() }
    }
}

impl Options {
    /// Reads `name=value&name=value`, without the question mark. In a value `%` and two hexadecimal
    /// digits stand for a byte of UTF-8; a plus is a plus, because zones such as `Etc/GMT+5` hold one.
    pub(super) fn parse(query: &str) -> Result<Self, CronError> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        let mut before = 0;
        for pair in query.split('&') {
            let name =
                options.set_pair(pair).map_err(|expected| CronError::new(pair, expected).after(before))?;
            if seen.contains(&name) {
                return Err(CronError::new(pair, format!("`{name}` once only")).after(before));
            }
            seen.push(name);
            before += pair.chars().count() + 1;
        }
        options.check_key_mode(query, &seen)?;
        Ok(options)
    }

    /// Sets how many missed fires are made up for at once.
    pub(super) fn set_catch_up(&mut self, most: u32) {
        self.catch_up = Some(most);
    }

    /// Returns how many missed fires are made up for at once. `fill` is what it says, as far as any number may go.
    pub(super) fn catch_up(&self) -> u32 {
        self.catch_up.unwrap_or(if self.fill.is_some() { MAX_CATCH_UP } else { DEFAULT_CATCH_UP })
    }

    fn set_pair<'a>(&mut self, pair: &'a str) -> Result<&'a str, String> {
        let (name, value) = pair.split_once('=').ok_or("an option `name=value`")?;
        self.set(name, &percent_decoded(value)?)?;
        Ok(name)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "id" => self.id = Some(text(value, 128)?),
            "fill" => self.fill = Some(period(value)?),
            "max" => self.job.max_attempts = Some(whole_number(value, 1, i16::MAX)?),
            "queue" => self.job.queue = Some(text(value, 128)?),
            "jobKey" => self.job.key = Some(text(value, 512)?),
            "jobKeyMode" => self.job.key_mode = key_mode(value)?,
            "priority" => self.job.priority = Some(whole_number(value, i16::MIN, i16::MAX)?),
            "tz" => self.zone = value.parse().map_err(|_| "a time zone such as tz=Europe/Paris")?,
            "catchup" => self.catch_up = Some(whole_number(value, 0, MAX_CATCH_UP)?),
            _ => {
                return Err(
                    "one of id, fill, max, queue, jobKey, jobKeyMode, priority, tz and catchup".into()
                );
            }
        }
        Ok(())
    }

    /// A mode without a key would be ignored in silence.
    fn check_key_mode(&self, query: &str, seen: &[&str]) -> Result<(), CronError> {
        if seen.contains(&"jobKeyMode") && self.job.key.is_none() {
            return Err(CronError::new(query, "jobKeyMode together with a jobKey"));
        }
        Ok(())
    }
}

/// A text that its column can hold: PostgreSQL has no U+0000.
pub(super) fn text(value: &str, longest: usize) -> Result<String, String> {
    let length = value.chars().count();
    if length == 0 || length > longest || value.contains('\0') {
        return Err(format!("1 to {longest} characters and no U+0000"));
    }
    Ok(value.to_owned())
}

fn whole_number<N>(value: &str, least: N, most: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    value
        .parse()
        .ok()
        .filter(|number| (&least..=&most).contains(&number))
        .ok_or_else(|| format!("a whole number from {least} to {most}"))
}

fn key_mode(value: &str) -> Result<KeyMode, String> {
    [KeyMode::Replace, KeyMode::PreserveRunAt, KeyMode::UnsafeDedupe]
        .into_iter()
        .find(|mode| mode.as_str() == value)
        .ok_or_else(|| "replace, preserve_run_at or unsafe_dedupe".to_owned())
}

/// A sum such as `4w2d3h5m10s`; every number has its unit.
fn period(value: &str) -> Result<TimeDelta, String> {
    value
        .split_inclusive(|character: char| !character.is_ascii_digit())
        .map(period_part)
        .try_fold(TimeDelta::zero(), |sum, part| sum.checked_add(&part?))
        .filter(|sum| !value.is_empty() && *sum <= MAX_FILL)
        .ok_or_else(|| "a period such as 4w2d3h5m10s, at most 5200w".to_owned())
}

fn period_part(part: &str) -> Option<TimeDelta> {
    let (number, unit) = part.split_at_checked(part.len() - 1)?;
    let number = number.parse().ok()?;
    match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        "w" => TimeDelta::try_weeks(number),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { escaped_byte(&mut bytes)? } else { byte });
    }
    String::from_utf8(decoded).map_err(|_| "escapes that make up UTF-8".to_owned())
}

fn escaped_byte(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, String> {
    let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
    match (digit(), digit()) {
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => Err("two hexadecimal digits after `%`; `%25` is a percent sign".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> String {
        Options::parse(query).unwrap_err().to_string()
    }

    #[test]
    fn every_option_is_read() {
        let options = Options::parse(
            "id=a&fill=4w2d3h5m10s&max=3&queue=q&jobKey=k&jobKeyMode=preserve_run_at&priority=-7&tz=Asia/Tokyo&catchup=5",
        )
        .unwrap();
        let fill = TimeDelta::days(30) + TimeDelta::hours(3) + TimeDelta::minutes(5) + TimeDelta::seconds(10);
        let job = JobOptions {
            max_attempts: Some(3),
            queue: Some("q".into()),
            key: Some("k".into()),
            key_mode: KeyMode::PreserveRunAt,
            priority: Some(-7),
            ..JobOptions::default()
        };
        let expected =
            Options { id: Some("a".into()), zone: Tz::Asia__Tokyo, fill: Some(fill), catch_up: Some(5), job };
        assert_eq!(options, expected);
    }

    #[test]
    fn a_key_replaces_unless_told_otherwise() {
        assert_eq!(Options::parse("jobKey=k").unwrap().job.key_mode, KeyMode::Replace);
        let options = Options::parse("jobKeyMode=unsafe_dedupe&jobKey=k").unwrap();
        assert_eq!(options.job.key_mode, KeyMode::UnsafeDedupe);
        assert!(refusal("jobKeyMode=replace").contains("together with a jobKey"));
        assert!(refusal("jobKey=k&jobKeyMode=keep").contains("replace, preserve_run_at or unsafe_dedupe"));
    }

    #[test]
    fn values_are_percent_decoded() {
        let options = Options::parse("jobKey=a%20b%26c%3D%c3%a9+&tz=Etc/GMT%2B5").unwrap();
        assert_eq!(options.job.key.as_deref(), Some("a b&c=é+"));
        assert_eq!(options.zone, Options::parse("tz=Etc/GMT+5").unwrap().zone);
        for query in ["id=%", "id=%4", "id=%zz", "id=100%"] {
            assert!(refusal(query).contains("two hexadecimal digits"), "{query}");
        }
        assert!(refusal("id=%ff").contains("UTF-8"));
    }

    #[test]
    fn unknown_and_repeated_options_are_refused_where_they_stand() {
        assert!(refusal("id=a&jobkey=b").starts_with("column 6: found `jobkey=b`, expected one of id, fill"));
        assert_eq!(refusal("max=1&max=1"), "column 7: found `max=1`, expected `max` once only");
        assert!(refusal("").contains("`name=value`"));
        assert!(refusal("id=a&").contains("`name=value`"));
        assert!(refusal("id").contains("`name=value`"));
    }

    #[test]
    fn a_period_needs_units() {
        for query in ["fill=5", "fill=", "fill=w", "fill=1h5", "fill=-1h", "fill=1y", "fill=1é", "fill=1.5h"]
        {
            assert!(refusal(query).contains("4w2d3h5m10s"), "{query}");
        }
        for query in ["fill=5201w", "fill=9223372036854775807w", "fill=99999999999999999999s"] {
            assert!(refusal(query).contains("at most 5200w"), "{query}");
        }
    }

    #[test]
    fn numbers_and_texts_keep_their_limits() {
        for query in ["max=0", "max=-1", "max=32768", "max=", "max=x", "max=1.0"] {
            assert!(refusal(query).contains("a whole number from 1 to 32767"), "{query}");
        }
        assert!(refusal("priority=32768").contains("from -32768 to 32767"));
        assert!(refusal("catchup=10001").contains("from 0 to 10000"));
        assert!(refusal("queue=").contains("1 to 128 characters"));
        assert!(refusal(&format!("id={}", "é".repeat(129))).contains("1 to 128 characters"));
        assert!(refusal(&format!("jobKey={}", "k".repeat(513))).contains("1 to 512 characters"));
        assert!(refusal("jobKey=%00").contains("no U+0000"));
        assert!(Options::parse(&format!("queue={}&jobKey={}", "é".repeat(128), "k".repeat(512))).is_ok());
    }

    #[test]
    fn a_zone_is_one_of_the_database_of_zones() {
        assert!(refusal("tz=Europe/Atlantis").contains("tz=Europe/Paris"));
        assert!(refusal("tz=").contains("tz=Europe/Paris"));
    }
}
