//! An expression in words, for people who look at a list of schedules. It only reads the fields.

use super::field::Values;
use super::fields::Fields;

/// The most times of day that are written out as `at 09:00 and 17:00`.
const MOST_TIMES_OF_DAY: usize = 4;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) fn in_words(fields: &Fields) -> String {
    let (times, every_day) = match times_of_day(fields) {
        Some(times) => (times, Some("every day".to_owned())),
        None => (times_by_unit(fields), None),
    };
    let parts = [Some(times), days(fields).or(every_day), months(fields)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `at 02:30`, if the times of a day are few.
fn times_of_day(fields: &Fields) -> Option<String> {
    let count = [fields.seconds, fields.minutes, fields.hours].map(|values| values.iter().count());
    if count.into_iter().product::<usize>() > MOST_TIMES_OF_DAY {
        return None;
    }
    let mut times = Vec::new();
    for hour in fields.hours.iter() {
        for minute in fields.minutes.iter() {
            times.extend(fields.seconds.iter().map(|second| time_of_day(fields, hour, minute, second)));
        }
    }
    Some(format!("at {}", joined(&times)))
}

fn time_of_day(fields: &Fields, hour: u8, minute: u8, second: u8) -> String {
    if fires_on_the_minute(fields) {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

fn fires_on_the_minute(fields: &Fields) -> bool {
    fields.seconds.iter().eq([0])
}

/// `every 10 seconds in minutes 0 and 30 of every hour`: from the finest unit to the hour.
fn times_by_unit(fields: &Fields) -> String {
    let mut units = vec![("minute", fields.minutes), ("hour", fields.hours)];
    if !fires_on_the_minute(fields) {
        units.insert(0, ("second", fields.seconds));
    }
    let (finest, finest_values) = units.remove(0);
    let mut text = finest_unit(finest, finest_values);
    let mut is_listed = finest_values.even_step().is_none();
    for (unit, values) in units {
        match values.even_step() {
            Some(1) if !is_listed => continue,
            Some(1) => text += &format!(" of every {unit}"),
            Some(_) | None => {
                text += &format!(" {} {}", if is_listed { "of" } else { "in" }, listed(unit, values))
            }
        }
        is_listed = values.is_restricted();
    }
    text
}

fn finest_unit(unit: &str, values: Values) -> String {
    match values.even_step() {
        Some(1) => format!("every {unit}"),
        Some(step) => format!("every {step} {unit}s"),
        None => format!("at {}", listed(unit, values)),
    }
}

fn days(fields: &Fields) -> Option<String> {
    let dates = fields.days_of_month;
    let dates = dates.is_restricted().then(|| format!("on {} of the month", listed("day", dates)));
    let weekdays = fields.days_of_week;
    let weekdays = weekdays
        .is_restricted()
        .then(|| format!("on {}", runs(weekdays, |day| DAYS[usize::from(day)].to_owned())));
    let either: Vec<_> = dates.into_iter().chain(weekdays).collect();
    (!either.is_empty()).then(|| either.join(" or "))
}

fn months(fields: &Fields) -> Option<String> {
    let name = |month: u8| MONTHS[usize::from(month) - 1].to_owned();
    fields.months.is_restricted().then(|| format!("in {}", runs(fields.months, name)))
}

/// `minute 5`, or `minutes 0, 10 to 20 and 30`.
fn listed(unit: &str, values: Values) -> String {
    let plural = if values.iter().count() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", runs(values, |value| value.to_string()))
}

/// The values, three and more in a row as `1 to 3`.
fn runs(values: Values, name: impl Fn(u8) -> String) -> String {
    let values: Vec<u8> = values.iter().collect();
    let mut items = Vec::new();
    for run in values.chunk_by(|low, high| low + 1 == *high) {
        match run {
            [first, _, .., last] => items.push(format!("{} to {}", name(*first), name(*last))),
            _ => items.extend(run.iter().map(|value| name(*value))),
        }
    }
    joined(&items)
}

/// `a, b and c`.
fn joined(items: &[String]) -> String {
    match items {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_put_into_words() {
        for (text, words) in [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("*/7 * * * 1", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour on Monday"),
            ("0 * * * *", "at minute 0 of every hour"),
            ("0,30 8-18 * * *", "every 30 minutes in hours 8 to 18"),
            ("5 8-18,20 * * *", "at minute 5 of hours 8 to 18 and 20"),
            ("30 2 * * *", "at 02:30 every day"),
            ("0 9,17 * * 1-5", "at 09:00 and 17:00 on Monday to Friday"),
            ("15 30 2 * * *", "at 02:30:15 every day"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("* */30 * * * *", "every second in minutes 0 and 30 of every hour"),
            ("15,20 * 3 * * *", "at seconds 15 and 20 of every minute in hour 3"),
            ("0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday"),
            ("0 0 1,15 1-3,12 *", "at 00:00 on days 1 and 15 of the month in January to March and December"),
            ("@weekly", "at 00:00 on Sunday"),
        ] {
            assert_eq!(in_words(&Fields::parse(text).unwrap()), words, "{text}");
        }
    }
}
