//! The fields of an expression together: five or six of them or a shortcut, and the schedules of the
//! `cron` crate that fire at the same times. It knows nothing of zones.

use cron::Schedule;

use super::CronError;
use super::field::{Field, Values};

/// What an expression means where the clock changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockRule {
    /// It fires whenever the clock shows one of its times.
    WallTime,
    /// Each of its times is meant once.
    FixedTimes,
}

/// The six fields, read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seconds: Values,
    pub(super) minutes: Values,
    pub(super) hours: Values,
    pub(super) days_of_month: Values,
    pub(super) months: Values,
    pub(super) days_of_week: Values,
    pub(super) clock_rule: ClockRule,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, CronError> {
        let shortcut = text.trim();
        if shortcut.starts_with('@') {
            return Self::parse(fields_of_shortcut(shortcut)?);
        }
        let words: Vec<_> = words(text).collect();
        let (seconds, words) = match words.len() {
            5 => (Values::zero(Field::Second), &words[..]),
            6 => (read(Field::Second, words[0])?, &words[1..]),
            count => return Err(CronError::new(text.trim(), format!("five or six fields, not {count}"))),
        };
        let hours = read(Field::Hour, words[1])?;
        // As in cron(8), a field is a wildcard if it begins with `*`. Beyond that, every hour is one too.
        let is_wildcard = words[..2].iter().any(|(_, text)| text.starts_with('*')) || !hours.is_restricted();
        Ok(Self {
            clock_rule: if is_wildcard { ClockRule::WallTime } else { ClockRule::FixedTimes },
            seconds,
            minutes: read(Field::Minute, words[0])?,
            hours,
            days_of_month: read(Field::DayOfMonth, words[2])?,
            months: read(Field::Month, words[3])?,
            days_of_week: read(Field::DayOfWeek, words[4])?,
        })
    }

    /// The schedules whose fires, together, are those of the expression; none if it never fires.
    pub(super) fn schedules(&self) -> Vec<Schedule> {
        let by_weekday = self.days_of_week.is_restricted();
        let by_date = self.days_of_month.is_restricted() || !by_weekday;
        let mut schedules = Vec::with_capacity(2);
        if by_date && self.has_a_date() {
            schedules.push(self.schedule(self.days_of_month, Values::every(Field::DayOfWeek)));
        }
        if by_weekday {
            schedules.push(self.schedule(Values::every(Field::DayOfMonth), self.days_of_week));
        }
        schedules
    }

    /// Whether the earliest day fits into one of the months; February is taken with its 29 days.
    fn has_a_date(&self) -> bool {
        const LONGEST: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let earliest = self.days_of_month.iter().next();
        self.months.iter().any(|month| earliest <= Some(LONGEST[usize::from(month) - 1]))
    }

    fn schedule(&self, days_of_month: Values, days_of_week: Values) -> Schedule {
        let fields = [self.seconds, self.minutes, self.hours, days_of_month, self.months, days_of_week]
            .map(Values::canonical);
        fields.join(" ").parse().expect("canonical text is valid to the cron crate")
    }
}

fn read(field: Field, (column, text): (usize, &str)) -> Result<Values, CronError> {
    Values::parse(field, text).map_err(|error| error.after(column))
}

fn fields_of_shortcut(shortcut: &str) -> Result<&'static str, CronError> {
    match shortcut.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        _ => Err(CronError::new(
            shortcut,
            "@hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually",
        )),
    }
}

/// The words of a text, each with the number of characters before it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let mut before = 0;
    text.split_whitespace().map(move |word| {
        let blanks = rest.len() - rest.trim_start().len();
        let column = before + rest[..blanks].chars().count();
        before = column + word.chars().count();
        rest = &rest[blanks + word.len()..];
        (column, word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules(text: &str) -> Vec<Schedule> {
        Fields::parse(text).unwrap().schedules()
    }

    fn refusal(text: &str) -> String {
        Fields::parse(text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn shortcuts_stand_for_their_fields() {
        for (shortcut, fields) in [
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@midnight", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            (" @Annually ", "0 0 1 1 *"),
        ] {
            assert_eq!(schedules(shortcut), schedules(fields));
        }
        assert!(refusal("@reboot").contains("expected @hourly, @daily"));
        assert!(refusal("@daily *").contains("expected @hourly, @daily"));
    }

    #[test]
    fn the_number_of_fields_is_five_or_six() {
        for text in ["", "   ", "*", "* * * *", "* * * * * * *"] {
            assert!(refusal(text).contains("five or six fields, not"), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_column_of_the_item() {
        assert_eq!(refusal(" 0  1,25 * * *"), "column 7: found `25`, expected an hour from 0 to 23");
        assert!(refusal("0 0 0 * * 8").starts_with("column 11: found `8`, expected a day of the week"));
    }

    #[test]
    fn dates_that_never_come_have_no_schedule() {
        for text in ["0 0 31 2 *", "0 0 30,31 FEB *", "0 0 31 4,6,9,11 *", "0 0 0 30 2 *", "0 0 31 2 0-6"] {
            assert_eq!(schedules(text), [], "{text}");
        }
        for text in ["0 0 29 2 *", "0 0 31 2,3 *", "0 0 31 2 1"] {
            assert_eq!(schedules(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn two_restricted_day_fields_are_two_schedules() {
        let sources: Vec<_> = schedules("0 0 13 * fri").iter().map(ToString::to_string).collect();
        assert_eq!(sources, ["0 0 0 13 * *", "0 0 0 * * 6"]);
    }
}
