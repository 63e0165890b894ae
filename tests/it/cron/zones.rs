//! Cron against the independent implementation where clocks change: pulses, whose hour or minute begins with `*`, and single
//! appointments. Of several listed minutes in fixed hours croner has another opinion: to it they are pulses, to us and to cron(8)
//! fixed times.

use super::*;

const ZONES: [Tz; 6] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::America__St_Johns,
    Tz::Australia__Lord_Howe,
    Tz::Africa__Casablanca,
    Tz::America__Santiago,
];

#[test]
fn fires_around_clock_changes_agree_with_an_independent_implementation() {
    let mut random = fastrand::Rng::with_seed(0x7a6f_6e65);
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let changes: Vec<(Tz, i64)> = ZONES
        .into_iter()
        .flat_map(|zone| clock_changes(zone).into_iter().map(move |(change, ..)| (zone, change)))
        .collect();
    let mut compared = 0;
    while compared < 4_000 {
        let text = pulse_or_appointment(&mut random);
        let Ok(ours) = CronExpression::parse(&text) else { continue };
        let theirs = parser.parse(&text).unwrap();
        let (zone, change) = *random.choice(&changes).unwrap();
        let after = DateTime::from_timestamp(change - random.i64(0..20_000), 0).unwrap();
        let expected: Vec<_> =
            theirs.iter_after(after.with_timezone(&zone)).take(8).map(|fire| fire.to_utc()).collect();
        let fires: Vec<_> = ours.iter_after_in(after, zone).take(8).collect();
        assert_eq!(fires, expected, "`{text}` in {zone} after {after}");
        compared += 1;
    }
}

fn pulse_or_appointment(random: &mut fastrand::Rng) -> String {
    let days = random_field(random, 1, 31, &[]);
    let months = random_field(random, 1, 12, &MONTHS);
    let weekdays = random_field(random, 0, 6, &DAYS);
    let time = match random.u8(0..3) {
        0 => format!("{} *", random_field(random, 0, 59, &[])),
        1 => format!("*/{} {}", random.u32(1..31), random_field(random, 0, 23, &[])),
        _ => format!("{} {}", random.u32(0..60), random.u32(0..24)),
    };
    format!("{time} {days} {months} {weekdays}")
}
