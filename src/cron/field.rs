//! One field of a cron expression: its text with the meaning of crontab(5), read into a bit mask.
//! It knows nothing of the other fields, of dates or of zones.

use super::CronError;

/// Which of the six fields a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

/// The values a field holds, one bit each; a field holds at least one value. Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    field: Field,
    bits: u64,
}

pub(super) const MONTH_NAMES: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const DAY_NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Values {
    /// Reads a list such as `1-5,*/15`.
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, CronError> {
        let mut bits = 0;
        let mut before = 0;
        for item in text.split(',') {
            bits |= item_bits(field, item).map_err(|error| error.after(before))?;
            before += item.chars().count() + 1;
        }
        Ok(Self { field, bits: sunday_once(field, bits) })
    }

    /// The single value 0: the second in which a five-field expression fires.
    pub(super) fn zero(field: Field) -> Self {
        Self { field, bits: 1 }
    }

    pub(super) fn every(field: Field) -> Self {
        let (first, last) = field.span();
        Self { field, bits: bits_of(first, last, 1) }
    }

    /// Whether the field leaves any value out. The values count, not how they are written:
    /// `*/1` and `1-31` leave nothing out.
    pub(super) fn is_restricted(self) -> bool {
        self != Self::every(self.field)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        let (first, last) = self.field.span();
        (first..=last).filter(move |value| self.bits & (1 << value) != 0)
    }

    /// Returns the n of `*/n` if the values are of that form and n divides the field's span. The values are then n
    /// apart across minutes, hours or days as well. Returns 1 for every value.
    pub(super) fn even_step(self) -> Option<u8> {
        let (first, last) = self.field.span();
        let count = last - first + 1;
        (1..count).filter(|step| count % step == 0).find(|step| self.bits == bits_of(first, last, *step))
    }

    /// The text that means these values to the `cron` crate, which counts Sunday as 1.
    pub(super) fn canonical(self) -> String {
        if !self.is_restricted() {
            return "*".to_owned();
        }
        let shift = u8::from(self.field == Field::DayOfWeek);
        self.iter().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
    }
}

impl Field {
    /// The first and the last value of `*`.
    fn span(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// The largest number that may be written: 7 is Sunday as well as 0.
    fn largest(self) -> u8 {
        if self == Self::DayOfWeek { 7 } else { self.span().1 }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Second => "a second from 0 to 59",
            Self::Minute => "a minute from 0 to 59",
            Self::Hour => "an hour from 0 to 23",
            Self::DayOfMonth => "a day of the month from 1 to 31",
            Self::Month => "a month from 1 to 12 or JAN to DEC",
            Self::DayOfWeek => "a day of the week from 0 to 7 or SUN to SAT",
        }
    }

    fn value_of_name(self, text: &str) -> Option<u8> {
        let (names, first): (&[&str], u8) = match self {
            Self::Month => (&MONTH_NAMES, 1),
            Self::DayOfWeek => (&DAY_NAMES, 0),
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => return None,
        };
        (first..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(value, _)| value)
    }
}

/// One item of the list: `*`, a value or a range; all but a single value with a step if wanted.
fn item_bits(field: Field, item: &str) -> Result<u64, CronError> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let (first, last) = bounds(field, range).map_err(|expected| CronError::new(item, expected))?;
    let step = match step {
        None => 1,
        Some(_) if range != "*" && !range.contains('-') => {
            // Some crons read `5/15` as `5-59/15`, some as `5`, some refuse it. A refusal leaves nothing to guess.
            let expected = format!("a step after a range: `{range}-{}/..` or `*/..`", field.span().1);
            return Err(CronError::new(item, expected));
        }
        Some(step) => step_size(field, step).map_err(|expected| CronError::new(item, expected))?,
    };
    Ok(bits_of(first, last, step))
}

fn bounds(field: Field, range: &str) -> Result<(u8, u8), String> {
    if range == "*" {
        return Ok(field.span());
    }
    let Some((first, last)) = range.split_once('-') else {
        let value = value(field, range)?;
        return Ok((value, value));
    };
    let first = value(field, first)?;
    let last = last_value(field, first, last)?;
    if first > last {
        let (low, high) = field.span();
        return Err(format!("a range from low to high, here perhaps `{first}-{high},{low}-{last}`"));
    }
    Ok((first, last))
}

/// The end of a range. A week that begins after Sunday ends with day 7: `FRI-SUN` is three days.
fn last_value(field: Field, first: u8, text: &str) -> Result<u8, String> {
    let is_sunday = field == Field::DayOfWeek && text.eq_ignore_ascii_case(DAY_NAMES[0]);
    if is_sunday && first > 0 { Ok(7) } else { value(field, text) }
}

fn value(field: Field, text: &str) -> Result<u8, String> {
    let (first, last) = (field.span().0, field.largest());
    number(text)
        .filter(|value| (first..=last).contains(value))
        .or_else(|| field.value_of_name(text))
        .ok_or_else(|| expected_value(field, text))
}

fn expected_value(field: Field, text: &str) -> String {
    let expected = field.expected();
    if is_foreign(text) {
        return format!("{expected}; crontab(5) knows no `L`, `W`, `#` and `?`");
    }
    expected.to_owned()
}

/// Whether the text uses what other schedulers add to crontab(5): `?`, `MON#2`, or a mark.
fn is_foreign(text: &str) -> bool {
    text.contains(['#', '?']) || is_mark(text)
}

/// `L`, `5L`, `LW` or `15W`: the last, or the nearest weekday.
pub(super) fn is_mark(text: &str) -> bool {
    let number = text.trim_end_matches(['L', 'l', 'W', 'w']);
    number.len() < text.len() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn step_size(field: Field, text: &str) -> Result<u8, String> {
    // A longer step would be a disguised single value: `*/90` minutes is not every hour and a half.
    let (first, last) = field.span();
    let longest = last - first + 1;
    number(text)
        .filter(|step| (1..=longest).contains(step))
        .ok_or_else(|| format!("a step from 1 to {longest}"))
}

/// Digits and nothing else: `u8::from_str` would take a sign.
fn number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn bits_of(first: u8, last: u8, step: u8) -> u64 {
    (first..=last).step_by(usize::from(step)).fold(0, |bits, value| bits | 1 << value)
}

fn sunday_once(field: Field, bits: u64) -> u64 {
    if field == Field::DayOfWeek { (bits | bits >> 7) & 0x7f } else { bits }
}

#[cfg(test)]
mod tests;
