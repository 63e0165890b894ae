//! What fires when, by a clock that is told: late starts, jumps forth and back, a suspend, dates and caps.

use super::*;
use crate::cron::Crontab;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2024-06-01T12:00:00Z")
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

fn line(text: &str, last_seen: Option<DateTime<Utc>>) -> StandingLine {
    StandingLine::new(Crontab::parse(text).unwrap().entries.remove(0), last_seen, noon())
}

fn rhythm(expression: &str) -> Rhythm {
    Rhythm::read(expression, "UTC", None, None).unwrap()
}

/// What the actor does at `now`: sees to what is due.
fn see_to(line: &mut StandingLine, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let fires = line.due(now).into_iter().map(|fire| fire.at).collect();
    line.seen_to(now);
    fires
}

#[test]
fn a_process_that_starts_late_for_a_boundary_leaves_it_alone() {
    let mut plain = line("0 * * * * a", Some(noon() - minutes(600)));
    assert!(see_to(&mut plain, noon()).is_empty());
    assert_eq!(plain.next(), noon() + minutes(60));
}

#[test]
fn fill_returns_the_misses_oldest_first_from_when_the_line_was_known() {
    let filled = line("0 * * * * a ?fill=1d", Some(noon() - minutes(150)));
    let fires = filled.due(noon() + minutes(60));
    let expected = [-120, -60, 0, 60].map(|ago| Fire { at: noon() + minutes(ago), is_late: ago <= 0 });
    assert_eq!(fires, expected);
    let unknown = line("0 * * * * a ?fill=1d", None);
    assert_eq!(unknown.due(noon()), Vec::new());
    let short = line("0 * * * * a ?fill=90m", Some(noon() - minutes(600)));
    assert_eq!(short.due(noon()).len(), 2);
}

#[test]
fn catchup_caps_how_many_misses_are_made_up_for_and_the_newest_stay() {
    let times: Vec<_> = line("* * * * * a ?fill=1d&catchup=3", Some(noon() - minutes(600))).due(noon());
    assert_eq!(
        times.iter().map(|fire| fire.at).collect::<Vec<_>>(),
        [-2, -1, 0].map(|ago| noon() + minutes(ago))
    );
    let mut none = line("* * * * * a ?catchup=0", None);
    assert!(see_to(&mut none, noon() + minutes(5) + TimeDelta::seconds(30)).is_empty());
    assert_eq!(see_to(&mut none, noon() + minutes(6)), [noon() + minutes(6)]);
}

#[test]
fn a_clock_that_jumps_an_hour_forth_and_back_fires_nothing_twice() {
    let mut line = line("* * * * * a ?catchup=10", None);
    let mut fired = Vec::new();
    // A minute a tick; at the fifth the clock jumps an hour ahead, at the fifteenth it jumps back.
    for tick in 1..=90 {
        let jump = if (5..15).contains(&tick) { minutes(60) } else { minutes(0) };
        let fires = see_to(&mut line, noon() + minutes(tick) + jump);
        assert!(fires.len() <= 10, "{fires:?}");
        fired.extend(fires);
    }
    assert!(fired.windows(2).all(|pair| pair[0] < pair[1]), "{fired:?}");
    // Four before the jump, ten at it, nine more until it jumps back, and on when the clock is there again.
    assert_eq!(fired.len(), 4 + 10 + 9 + (90 - 74));
    assert_eq!(fired.last(), Some(&(noon() + minutes(90))));
}

#[test]
fn after_a_night_of_suspension_each_line_is_made_up_for_up_to_its_cap() {
    let morning = noon() + minutes(19 * 60) + TimeDelta::seconds(20);
    let mut daily = line("30 2 * * * a", None);
    assert_eq!(see_to(&mut daily, morning), [at("2024-06-02T02:30:00Z")]);
    assert!(see_to(&mut daily, morning).is_empty());
    let mut minutely = line("* * * * * a", None);
    assert_eq!(see_to(&mut minutely, morning).len(), 100);
}

#[test]
fn what_fires_at_one_moment_is_due_then_and_not_a_second_before() {
    let line = line("*/5 * * * * a", None);
    assert_eq!(line.next(), noon() + minutes(5));
    assert_eq!(line.due(noon() + minutes(5) - TimeDelta::milliseconds(1)), Vec::new());
    assert_eq!(line.due(noon() + minutes(5)), [Fire { at: noon() + minutes(5), is_late: false }]);
}

#[test]
fn a_schedule_on_time_fires_once_and_knows_its_next_moment() {
    let on_time = Fire { at: noon(), is_late: false };
    let due = rhythm("*/5 * * * *").due(noon(), noon() + TimeDelta::seconds(1), 1);
    assert_eq!(due, Due { fires: vec![on_time], missed: None, next: Some(noon() + minutes(5)) });
}

#[test]
fn a_schedule_makes_up_for_none_the_last_or_the_newest_of_all() {
    let (every, first, now) = (rhythm("* * * * *"), noon(), noon() + minutes(30) + TimeDelta::seconds(30));
    let late = |ago| Fire { at: noon() + minutes(ago), is_late: true };
    let next = Some(noon() + minutes(31));
    assert_eq!(every.due(first, now, 0), Due { fires: vec![], missed: Some(first), next });
    assert_eq!(every.due(first, now, 1), Due { fires: vec![late(30)], missed: Some(first), next });
    let three = vec![late(28), late(29), late(30)];
    assert_eq!(every.due(first, now, 3), Due { fires: three, missed: Some(first), next });
    let all = every.due(first, now, 10_000);
    assert_eq!((all.fires.len(), all.missed, all.next), (31, None, next));
}

#[test]
fn a_schedule_that_makes_up_for_none_still_fires_what_is_on_time() {
    let (seconds, now) = (rhythm("* * * * * *"), noon() + TimeDelta::seconds(3));
    let due = seconds.due(noon(), now, 0);
    assert_eq!((due.fires.len(), due.missed, due.next), (4, None, Some(now + TimeDelta::seconds(1))));
}

#[test]
fn a_moment_that_was_announced_is_a_fire_whatever_newer_zones_say() {
    let announced = noon() + minutes(7);
    let due = rhythm("0 * * * *").due(announced, announced, 0);
    let fire = Fire { at: announced, is_late: false };
    assert_eq!(due, Due { fires: vec![fire], missed: None, next: Some(noon() + minutes(60)) });
}

#[test]
fn nothing_fires_before_the_start_or_after_the_end_of_a_schedule() {
    let dates = (Some(noon()), Some(noon() + minutes(120)));
    let bounded = Rhythm::read("0 * * * *", "UTC", dates.0, dates.1).unwrap();
    assert_eq!(bounded.next_after(noon() - minutes(600)), Some(noon()));
    assert_eq!(bounded.fires_after(noon() - minutes(600)).count(), 3);
    assert_eq!(bounded.next_after(noon() + minutes(120)), None);
    let over = bounded.due(noon() + minutes(60), noon() + minutes(600), 10);
    assert_eq!(
        over.fires.iter().map(|fire| fire.at).collect::<Vec<_>>(),
        [60, 120].map(|m| noon() + minutes(m))
    );
    assert_eq!((over.missed, over.next), (None, None));
}

#[test]
fn a_rhythm_that_cannot_be_read_says_what_is_wrong_with_it() {
    let refused = |expression, zone| Rhythm::read(expression, zone, None, None).unwrap_err();
    assert!(refused("* * * *", "UTC").starts_with("expression: "));
    assert!(refused("* * * * *", "Mars").contains("zone must be a time zone"));
}

/// Whatever the clock does, each fire happens once, in order; with room for all misses none is left out.
#[test]
fn random_clocks_fire_each_moment_once_in_every_rhythm() {
    let seed = 0x636c_6f63;
    let mut random = fastrand::Rng::with_seed(seed);
    let texts = ["*/7 * * * *", "30 2 * * *", "0 * * * *", "15,45 1-3 * * 0,1", "*/20 * * * * *"];
    for (text, start) in
        texts.into_iter().zip(["2027-03-27T12:00:00Z", "2027-10-30T12:00:00Z"].into_iter().cycle())
    {
        let rhythm = Rhythm::read(text, "Europe/Berlin", None, None).unwrap();
        let mut line = StandingLine::new(
            Crontab::parse(&format!("{text} a ?tz=Europe/Berlin&catchup=10000")).unwrap().entries.remove(0),
            None,
            at(start),
        );
        let (mut next, mut clock, mut latest) = (rhythm.next_after(at(start)).unwrap(), at(start), at(start));
        let (mut stored, mut standing) = (Vec::new(), Vec::new());
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
                let due = rhythm.due(next, clock, 10_000);
                assert!(due.missed.is_none(), "seed {seed}");
                stored.extend(due.fires.iter().map(|fire| fire.at));
                next = due.next.unwrap();
            }
            standing.extend(see_to(&mut line, clock));
        }
        let expected: Vec<_> = rhythm.fires_after(at(start)).take_while(|fire| *fire <= latest).collect();
        assert_eq!(stored, expected, "seed {seed}: {text}");
        assert_eq!(standing, expected, "seed {seed}: {text}");
    }
}
