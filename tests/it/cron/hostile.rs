//! The fuzz targets' twin: the same properties of texts that a seed makes from good ones, in every run of the tests.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fastrand::Rng;
use mainspring::{CronExpression, Crontab};

use super::properties::{hold_for_a_crontab, hold_for_an_expression};

const GOOD: [&str; 9] = [
    "*/5 9-17 * * mon-fri",
    "0 0 29 2 *",
    "59 23 31 12 7",
    "*/10 * * * * *",
    "0 0 13 JAN,jun-DEC 5",
    "@weekly",
    "30 2 * * MON report ?id=paris&tz=Europe/Paris&fill=4w2d&catchup=3 {office: 'Paris', n: [1, 2.5, null]}",
    "# night\r\n0 4 * * * cleanup ?max=3&jobKey=a%20b&jobKeyMode=preserve_run_at {dry_run: false}\n\n",
    "* * * * * * tick ?priority=-5&queue=q {\"a\": {\"b\": [\"\\u00e9\"]}}",
];
const PIECES: [&str; 24] = [
    "*",
    "/",
    "-",
    ",",
    " ",
    "\n",
    "?",
    "&",
    "=",
    "{",
    "}",
    "'",
    "0",
    "7",
    "99999999999999999999",
    "mon",
    "feb",
    "@",
    "L",
    "#",
    "%ff",
    "é",
    "\0",
    "\u{feff}",
];

fn mutated(random: &mut Rng) -> String {
    let mut text: Vec<char> = random.choice(GOOD).unwrap().chars().collect();
    for _ in 0..random.usize(0..5) {
        let at = random.usize(0..=text.len());
        match random.u8(0..4) {
            0 if at < text.len() => drop(text.remove(at)),
            1 => drop(text.splice(at..at, random.choice(PIECES).unwrap().chars())),
            2 => drop(text.splice(at..at, random.choice(GOOD).unwrap().chars())),
            _ => text.truncate(at),
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_text_breaks_what_holds_for_all() {
    let seed = 0x7469_6d65;
    let mut random = Rng::with_seed(seed);
    let mut read = 0;
    for _ in 0..20_000 {
        let text = mutated(&mut random);
        let after = DateTime::<Utc>::from_timestamp(random.i64(-3_000_000_000..30_000_000_000), 0).unwrap();
        hold_for_an_expression(&text, after);
        hold_for_a_crontab(&text, after);
        read += usize::from(CronExpression::parse(&text).is_ok() || Crontab::parse(&text).is_ok());
    }
    assert!((1_000..19_000).contains(&read), "seed {seed}: {read} texts could be read");
}

/// Each of these is refused, or read and asked for its next fire, within a moment, in an unoptimised build too. The bound is far from
/// that, for a machine that has much else to do, and further from what a cost by the square of the length would be.
#[test]
fn hostile_texts_cost_nothing() {
    let many = |text: &str, count: usize| text.repeat(count);
    let texts = [
        "0 0 1--100000000 * *".to_owned(),
        format!("{} * * * *", many(",", 10_000)),
        format!("{}0 * * * *", many("0,", 500)),
        many("* ", 500_000),
        many("* * * * * a\n", 80_000),
        format!("* * * * * a {}", many("[", 1_000_000)),
        format!("* * * * * a ?{}", many("id=a&", 200_000)),
        format!("* * * * * a {{b: '{}'}}", many("x", 1_000_000)),
        many("\n", 1_000_000),
        "0 0 29 2 1".to_owned(),
    ];
    for text in texts {
        let began = Instant::now();
        hold_for_an_expression(&text, DateTime::UNIX_EPOCH);
        hold_for_a_crontab(&text, DateTime::UNIX_EPOCH);
        let shown: String = text.chars().take(30).collect();
        assert!(began.elapsed() < Duration::from_secs(20), "{shown}: {:?}", began.elapsed());
    }
}
