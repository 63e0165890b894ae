use super::*;

fn read(field: Field, text: &str) -> Vec<u8> {
    Values::parse(field, text).unwrap().iter().collect()
}

fn refusal(field: Field, text: &str) -> String {
    Values::parse(field, text).unwrap_err().to_string()
}

#[test]
fn lists_ranges_and_steps_hold_their_values() {
    assert_eq!(read(Field::Minute, "5,1-3,50-59/4"), [1, 2, 3, 5, 50, 54, 58]);
    assert_eq!(read(Field::Hour, "*/7"), [0, 7, 14, 21]);
    assert_eq!(read(Field::Hour, "00,007"), [0, 7]);
}

#[test]
fn a_step_over_everything_starts_at_the_minimum() {
    assert_eq!(read(Field::DayOfMonth, "*/10"), [1, 11, 21, 31]);
    assert_eq!(read(Field::Month, "*/5"), [1, 6, 11]);
    assert_eq!(read(Field::DayOfWeek, "*/3"), [0, 3, 6]);
}

#[test]
fn names_are_values_in_any_case() {
    assert_eq!(read(Field::Month, "jan,Mar-MAY,DEC"), [1, 3, 4, 5, 12]);
    assert_eq!(read(Field::DayOfWeek, "Mon-fri/2"), [1, 3, 5]);
}

#[test]
fn sunday_is_zero_and_seven() {
    assert_eq!(read(Field::DayOfWeek, "7"), [0]);
    assert_eq!(read(Field::DayOfWeek, "5-7"), [0, 5, 6]);
    assert_eq!(read(Field::DayOfWeek, "FRI-SUN"), [0, 5, 6]);
    assert_eq!(read(Field::DayOfWeek, "SUN-sun"), [0]);
    assert!(!Values::parse(Field::DayOfWeek, "MON-SUN").unwrap().is_restricted());
    assert!(!Values::parse(Field::DayOfWeek, "0-7").unwrap().is_restricted());
}

#[test]
fn restricted_is_a_matter_of_values() {
    let restricted = |text| Values::parse(Field::DayOfMonth, text).unwrap().is_restricted();
    assert!(restricted("*/2") && restricted("1-30"));
    assert!(!restricted("*/1") && !restricted("1-31") && !restricted("16-31,1-15"));
}

#[test]
fn the_cron_crate_is_told_days_from_one() {
    let canonical = |text| Values::parse(Field::DayOfWeek, text).unwrap().canonical();
    assert_eq!(canonical("7,1"), "1,2");
    assert_eq!(canonical("0-6"), "*");
}

#[test]
fn what_is_out_of_range_is_named() {
    assert_eq!(refusal(Field::Minute, "60"), "column 1: found `60`, expected a minute from 0 to 59");
    assert_eq!(refusal(Field::Hour, "1,24"), "column 3: found `24`, expected an hour from 0 to 23");
    assert!(refusal(Field::DayOfMonth, "0").contains("a day of the month from 1 to 31"));
    assert!(refusal(Field::DayOfWeek, "8").contains("from 0 to 7 or SUN to SAT"));
    assert!(refusal(Field::Minute, "MON").contains("a minute from 0 to 59"));
    assert!(refusal(Field::Minute, "99999999999999999999").contains("a minute from 0 to 59"));
}

#[test]
fn a_wrap_around_range_is_refused_with_a_way_out() {
    assert!(refusal(Field::Minute, "50-10").contains("`50-59,0-10`"));
    assert!(refusal(Field::DayOfWeek, "5-1").contains("`5-6,0-1`"));
    assert!(refusal(Field::DayOfWeek, "5-0").contains("low to high"));
}

#[test]
fn a_bad_step_is_refused() {
    assert!(refusal(Field::Minute, "*/0").contains("a step from 1 to 60"));
    assert!(refusal(Field::Minute, "*/61").contains("a step from 1 to 60"));
    assert!(refusal(Field::Minute, "*/").contains("a step from 1 to 60"));
    assert!(refusal(Field::Minute, "*/5/5").contains("a step from 1 to 60"));
    assert!(refusal(Field::Minute, "5/15").contains("`5-59/..`"));
}

#[test]
fn what_is_empty_or_malformed_is_refused() {
    for text in ["", ",", "1,", ",1", "1,,2", "-", "1-", "-1", "1--3", "+1", "1-2-3", "**", "1 2", "½"] {
        assert!(refusal(Field::Minute, text).contains("expected a minute"), "{text}");
    }
}

#[test]
fn the_additions_of_other_schedulers_are_refused_by_name() {
    for text in ["L", "LW", "15W", "?", "5L", "MON#2", "1,L"] {
        assert!(refusal(Field::DayOfMonth, text).contains("crontab(5) knows no"), "{text}");
    }
    assert!(!refusal(Field::DayOfMonth, "JUL").contains("crontab(5)"));
}
