//! What fires when, by a clock that the test sets: jumps forth and back, a suspend, dates and caps.

use super::*;

/// A scheduler that has just come.
fn just_come(now: DateTime<Utc>) -> Attendance {
    Attendance { now, since: now }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2024-06-01T12:00:00Z")
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

fn recurrence(expression: &str) -> Recurrence {
    Recurrence::read(expression, "UTC", None, None).unwrap()
}

/// A schedule as the CronActor keeps it: what is due is fired, and the next fire is stored.
struct Fired {
    recurrence: Recurrence,
    next: DateTime<Utc>,
    catch_up: u32,
}

impl Fired {
    fn since_noon(expression: &str, catch_up: u32) -> Self {
        let recurrence = recurrence(expression);
        let next = recurrence.next_after(noon()).unwrap();
        Self { recurrence, next, catch_up }
    }

    fn at(&mut self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        if self.next > now {
            return Vec::new();
        }
        let due = self.recurrence.due(self.next, just_come(now), self.catch_up);
        self.next = due.next.unwrap();
        due.fires.into_iter().map(|fire| fire.at).collect()
    }
}

#[test]
fn a_catch_up_of_none_leaves_out_every_missed_fire() {
    let mut none = Fired::since_noon("* * * * *", 0);
    assert!(none.at(noon() + minutes(5) + TimeDelta::seconds(30)).is_empty());
    assert_eq!(none.at(noon() + minutes(6)), [noon() + minutes(6)]);
}

#[test]
fn a_clock_that_jumps_an_hour_forth_and_back_fires_nothing_twice() {
    let mut every_minute = Fired::since_noon("* * * * *", 10);
    let mut fired = Vec::new();
    // One minute a tick. At the fifth the clock jumps an hour ahead, at the fifteenth it jumps back.
    for tick in 1..=90 {
        let jump = if (5..15).contains(&tick) { minutes(60) } else { minutes(0) };
        let fires = every_minute.at(noon() + minutes(tick) + jump);
        assert!(fires.len() <= 10, "{fires:?}");
        fired.extend(fires);
    }
    assert!(fired.windows(2).all(|pair| pair[0] < pair[1]), "{fired:?}");
    // Four before the jump, ten at it, nine more until it jumps back, and on when the clock is there again.
    assert_eq!(fired.len(), 4 + 10 + 9 + (90 - 74));
    assert_eq!(fired.last(), Some(&(noon() + minutes(90))));
}

#[test]
fn after_a_suspend_of_a_night_every_schedule_is_made_up_for_up_to_its_cap() {
    let morning = noon() + minutes(19 * 60) + TimeDelta::seconds(20);
    let mut daily = Fired::since_noon("30 2 * * *", 100);
    assert_eq!(daily.at(morning), [at("2024-06-02T02:30:00Z")]);
    assert!(daily.at(morning).is_empty());
    assert_eq!(Fired::since_noon("* * * * *", 100).at(morning).len(), 100);
}

#[test]
fn a_fire_is_due_at_its_time_and_not_a_millisecond_before() {
    let mut every_five = Fired::since_noon("*/5 * * * *", 1);
    assert!(every_five.at(noon() + minutes(5) - TimeDelta::milliseconds(1)).is_empty());
    assert_eq!(every_five.at(noon() + minutes(5)), [noon() + minutes(5)]);
}

#[test]
fn a_schedule_on_time_fires_once_and_knows_its_next_moment() {
    let on_time = Fire { at: noon(), is_late: false };
    let due = recurrence("*/5 * * * *").due(noon(), just_come(noon() + TimeDelta::seconds(1)), 1);
    assert_eq!(due, Due { fires: vec![on_time], missed: None, next: Some(noon() + minutes(5)) });
}

#[test]
fn a_schedule_makes_up_for_none_the_last_or_the_newest_of_all() {
    let (every, first, now) =
        (recurrence("* * * * *"), noon(), noon() + minutes(30) + TimeDelta::seconds(30));
    let late = |ago| Fire { at: noon() + minutes(ago), is_late: true };
    let next = Some(noon() + minutes(31));
    assert_eq!(every.due(first, just_come(now), 0), Due { fires: vec![], missed: Some(first), next });
    assert_eq!(every.due(first, just_come(now), 1), Due { fires: vec![late(30)], missed: Some(first), next });
    let three = vec![late(28), late(29), late(30)];
    assert_eq!(every.due(first, just_come(now), 3), Due { fires: three, missed: Some(first), next });
    let all = every.due(first, just_come(now), 10_000);
    assert_eq!((all.fires.len(), all.missed, all.next), (31, None, next));
}

#[test]
fn a_schedule_that_makes_up_for_none_still_fires_what_is_on_time() {
    let (seconds, now) = (recurrence("* * * * * *"), noon() + TimeDelta::seconds(3));
    let due = seconds.due(noon(), just_come(now), 0);
    assert_eq!((due.fires.len(), due.missed, due.next), (4, None, Some(now + TimeDelta::seconds(1))));
}

#[test]
fn a_moment_that_was_announced_is_a_fire_whatever_newer_zones_say() {
    let announced = noon() + minutes(7);
    let due = recurrence("0 * * * *").due(announced, just_come(announced), 0);
    let fire = Fire { at: announced, is_late: false };
    assert_eq!(due, Due { fires: vec![fire], missed: None, next: Some(noon() + minutes(60)) });
}

#[test]
fn nothing_fires_before_the_start_or_after_the_end_of_a_schedule() {
    let dates = (Some(noon()), Some(noon() + minutes(120)));
    let bounded = Recurrence::read("0 * * * *", "UTC", dates.0, dates.1).unwrap();
    assert_eq!(bounded.next_after(noon() - minutes(600)), Some(noon()));
    assert_eq!(bounded.fires_after(noon() - minutes(600)).count(), 3);
    assert_eq!(bounded.next_after(noon() + minutes(120)), None);
    let over = bounded.due(noon() + minutes(60), just_come(noon() + minutes(600)), 10);
    assert_eq!(
        over.fires.iter().map(|fire| fire.at).collect::<Vec<_>>(),
        [60, 120].map(|m| noon() + minutes(m))
    );
    assert_eq!((over.missed, over.next), (None, None));
}

#[test]
fn an_expression_or_zone_that_is_wrong_is_named() {
    let refused = |expression, zone| Recurrence::read(expression, zone, None, None).unwrap_err();
    assert!(refused("* * * *", "UTC").starts_with("expression: "));
    assert!(refused("* * * * *", "Mars").contains("zone must be a time zone"));
}

/// Whatever the clock does, each fire happens once, in order; with room for all misses none is left out.
#[test]
fn random_clocks_fire_each_moment_once_in_every_recurrence() {
    let seed = 0x636c_6f63;
    let mut random = fastrand::Rng::with_seed(seed);
    let texts = ["*/7 * * * *", "30 2 * * *", "0 * * * *", "15,45 1-3 * * 0,1", "*/20 * * * * *"];
    for (text, start) in
        texts.into_iter().zip(["2027-03-27T12:00:00Z", "2027-10-30T12:00:00Z"].into_iter().cycle())
    {
        let recurrence = Recurrence::read(text, "Europe/Berlin", None, None).unwrap();
        let (mut next, mut clock, mut latest) =
            (recurrence.next_after(at(start)).unwrap(), at(start), at(start));
        let mut fired = Vec::new();
        for _ in 0..300 {
            // Mostly on, now and then a long sleep, or back.
            let step = match random.u8(0..10) {
                0 => random.i64(-7_200..0),
                1 => random.i64(0..20_000),
                _ => random.i64(0..600),
            };
            clock += TimeDelta::seconds(step);
            latest = latest.max(clock);
            if next <= clock {
                let due = recurrence.due(next, just_come(clock), 10_000);
                assert!(due.missed.is_none(), "seed {seed}");
                fired.extend(due.fires.iter().map(|fire| fire.at));
                next = due.next.unwrap();
            }
        }
        let expected: Vec<_> = recurrence.fires_after(at(start)).take_while(|fire| *fire <= latest).collect();
        assert_eq!(fired, expected, "seed {seed}: {text}");
    }
}
