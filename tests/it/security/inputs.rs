//! Any input ends in a result or in a refusal with a text of bounded length: the SQL functions with arguments that a seed
//! chooses, payloads that a seed makes, and texts that would use up a stack.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Array, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use fastrand::Rng;
use mainspring::jobs::JobFilter;
use mainspring::schedules::ScheduleFilter;
use mainspring::{CronExpression, Crontab, NewJob, NewSchedule, jobs, schedules, status};

use super::payload_properties::hold_for_a_payload;
use super::planted::HOSTILE;
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    arguments: Vec<String>,
}

// All that a role may be granted to call: those that run as their owner. A new one is among them by itself.
const FUNCTIONS: &str = "SELECT p.proname::text AS name, \
        ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t)::text[] AS arguments \
    FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace AND p.prosecdef \
        AND p.prorettype <> 'trigger'::regtype ORDER BY p.proname";

const TEXTS: [&str; 12] = [
    "t",
    "",
    "infinity",
    "-infinity",
    "preserve_run_at",
    "unsafe_dedupe",
    "* * * * *",
    "Europe/Paris",
    "{}",
    "[1e400]",
    "[\"a\"]",
    HOSTILE,
];
const NUMBERS: [&str; 9] =
    ["0", "1", "-1", "32767", "32768", "-32769", "2147483647", "9223372036854775807", "-9223372036854775808"];
const TIMES: [&str; 8] = [
    "infinity",
    "-infinity",
    "294276-12-31 23:59:59Z",
    "4713-01-01 BC",
    "0001-01-01Z",
    "9999-12-31Z",
    "2027-01-01Z",
    "now",
];
const DATES: [&str; 6] = ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "9999-12-31", "today"];
const PLACES: [&str; 4] = ["(0,0)", "(0,1)", "(1,65535)", "(4294967295,65535)"];
const INTERVALS: [&str; 7] =
    ["0", "1 day", "-1 day", "178000000 years", "-178000000 years", "1 microsecond", "1 mon -30 days"];

// Deeper than any parser of ours goes, and wider than any bound.
fn json(random: &mut Rng, depth: usize) -> String {
    match random.u8(0..10) {
        0 => "null".into(),
        1 => "true".into(),
        2 => random
            .choice(["0", "-1", "1e400", "1.5", "99999999999999999999", "-0.0", "1e-400"])
            .unwrap()
            .into(),
        3 => format!("{}0{}", "[".repeat(200), "]".repeat(200)),
        4 => format!("\"{}\"", "x".repeat(random.usize(0..700))),
        5 | 6 if depth < 3 => {
            let items: Vec<String> = (0..random.usize(0..4)).map(|_| json(random, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        7 | 8 if depth < 3 => {
            let fields: Vec<String> = (0..random.usize(0..6)).map(|_| field(random, depth + 1)).collect();
            format!("{{{}}}", fields.join(","))
        }
        _ => serde_json::to_string(random.choice(TEXTS).unwrap()).unwrap(),
    }
}

fn field(random: &mut Rng, depth: usize) -> String {
    const NAMES: [&str; 14] = [
        "task",
        "payload",
        "queue",
        "priority",
        "run_at",
        "max_attempts",
        "key",
        "key_mode",
        "flags",
        "expression",
        "zone",
        "overlap",
        "catch_up",
        "x",
    ];
    format!("\"{}\":{}", random.choice(NAMES).unwrap(), json(random, depth))
}

fn plain(random: &mut Rng, kind: &str) -> String {
    let one = |random: &mut Rng, pool: &[&str]| (*random.choice(pool).unwrap()).to_owned();
    match kind {
        "smallint" | "integer" | "bigint" | "numeric" | "double precision" => one(random, &NUMBERS),
        "timestamp with time zone" => one(random, &TIMES),
        "date" => one(random, &DATES),
        "tid" => one(random, &PLACES),
        "interval" => one(random, &INTERVALS),
        "boolean" => one(random, &["true", "false"]),
        "json" | "jsonb" => json(random, 0),
        _ if random.u8(0..3) == 0 => "t".into(),
        _ if random.bool() => "x".repeat(random.usize(0..700)),
        _ => one(random, &TEXTS),
    }
}

/// A literal of the type. Where the type itself does not hold it, NULL.
fn literal(random: &mut Rng, kind: &str) -> String {
    let quoted = |text: String| format!("$h${text}$h$");
    let fits = |text: &str, kind: &str| match kind {
        "smallint" => text.parse::<i16>().is_ok(),
        "integer" => text.parse::<i32>().is_ok(),
        _ => true,
    };
    if random.bool() {
        return format!("NULL::{kind}");
    }
    let Some(element) = kind.strip_suffix("[]") else {
        let text = plain(random, kind);
        return if fits(&text, kind) { format!("{}::{kind}", quoted(text)) } else { format!("NULL::{kind}") };
    };
    if element.ends_with("new_job") {
        let jobs: Vec<String> = (0..random.usize(0..3)).map(|_| new_job(random)).collect();
        return format!("ARRAY[{}]::{kind}", jobs.join(","));
    }
    let elements: Vec<String> = (0..random.usize(0..3)).map(|_| plain(random, element)).collect();
    let elements: Vec<String> = elements.into_iter().filter(|text| fits(text, element)).map(quoted).collect();
    format!("ARRAY[{}]::{kind}", elements.join(","))
}

fn new_job(random: &mut Rng) -> String {
    const TYPES: [&str; 11] = [
        "text",
        "text",
        "text",
        "timestamp with time zone",
        "integer",
        "integer",
        "text",
        "text",
        "text[]",
        "text",
        "integer",
    ];
    let fields: Vec<String> = TYPES.iter().map(|kind| literal(random, kind)).collect();
    format!("ROW({})", fields.join(", "))
}

// Keeps what is neither done nor refused by the schema itself. A payload that is no JSON is refused by its column: enqueues do
// not look at each of them before.
fn call(function: &Function, random: &mut Rng) -> String {
    let arguments: Vec<String> = function.arguments.iter().map(|kind| literal(random, kind)).collect();
    let call = format!("mainspring.{}({})", function.name, arguments.join(", "));
    format!(
        "DO $do$ BEGIN PERFORM FROM {call}; INSERT INTO public.done VALUES ('{0}'); EXCEPTION WHEN OTHERS THEN \
             IF SQLSTATE NOT IN ('MS400', '22P02') OR length(SQLERRM) > 1200 THEN \
                 INSERT INTO public.odd VALUES ('{0}', SQLSTATE, left(SQLERRM, 200), $call${call}$call$); \
             END IF; END $do$",
        function.name
    )
}

#[derive(QueryableByName)]
struct Odd {
    #[diesel(sql_type = Text)]
    odd: String,
}

#[test]
fn every_function_does_its_work_or_refuses_whatever_its_arguments_are() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE TABLE odd (name text, code text, problem text, call text); CREATE TABLE done (name text)",
    )
    .unwrap();
    let functions: Vec<Function> = sql_query(FUNCTIONS).load(&mut conn).unwrap();
    assert!(functions.len() > 25);
    let mut random = Rng::with_seed(0x7365_6375);
    for round in 0..40 {
        for function in &functions {
            conn.batch_execute(&call(function, &mut random)).unwrap();
        }
        if round % 10 == 9 {
            read_everything(&mut conn);
        }
    }
    let odd: Vec<Odd> = sql_query("SELECT DISTINCT ON (name, code) left(odd::text, 700) AS odd FROM odd")
        .load(&mut conn)
        .unwrap();
    assert!(odd.is_empty(), "{:#?}", odd.iter().map(|odd| &odd.odd).collect::<Vec<_>>());
    // Those that want a task or a name twice over are refused most of the time.
    assert!(count(&mut conn, "(SELECT DISTINCT name FROM done) AS d") > 20, "most calls were refused");
}

// Whatever was stored can be read.
fn read_everything(conn: &mut PgConnection) {
    jobs::list(conn, &JobFilter::new()).unwrap();
    schedules::list(conn, &ScheduleFilter::new()).unwrap();
    status::read(conn).unwrap();
}

#[test]
fn no_text_breaks_what_holds_for_all_payloads() {
    let mut random = Rng::with_seed(0x7061_796c);
    let mut taken = 0;
    for _ in 0..5_000 {
        let mut text: Vec<char> = json(&mut random, 0).chars().collect();
        for _ in 0..random.usize(0..3) {
            let at = random.usize(0..=text.len());
            match random.u8(0..3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => drop(text.splice(
                    at..at,
                    random.choice(["\\u0000", "1e9", "{", "\u{1b}", "\"", ",", "\\ud800"]).unwrap().chars(),
                )),
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        hold_for_a_payload(&text);
        taken += usize::from(NewJob::from_json("t", &text).is_ok());
    }
    assert!((500..4_500).contains(&taken), "{taken} texts were taken");
}

// A quarter of what threads of the runtime have, in an unoptimised build too.
const SMALL_STACK: usize = 512 << 10;

#[test]
fn no_text_uses_up_a_small_stack() {
    let many = |text: &str| text.repeat(200_000);
    let texts = [
        many("["),
        many("{a:"),
        many("{\"a\":"),
        many("[{\"a\":"),
        many("/*"),
        many("-"),
        many("("),
        many("* "),
        many("1-"),
        many("*/"),
        many("\"\\\\"),
        many("?a=b&"),
    ];
    let small = std::thread::Builder::new().stack_size(SMALL_STACK);
    let read_all = move || {
        for text in &texts {
            let _ = CronExpression::parse(text);
            let _ = Crontab::parse(text);
            for around in ["{a: TEXT}", "TEXT", "?id=TEXT", "{a: [TEXT]}"] {
                let short: String = text.chars().take(500_000).collect();
                let _ = Crontab::parse(&format!("* * * * * t {}", around.replace("TEXT", &short)));
            }
            hold_for_a_payload(text);
            hold_for_a_payload(&format!("{{\"a\": {text}}}"));
            let _ = NewSchedule::new("s", "t", text.as_str()).zone(text).key(Some(text));
        }
    };
    small.spawn(read_all).unwrap().join().unwrap();
}
