//! Rust judges a job before it is sent, and SQL judges it for other callers: both alike.

use chrono::{DateTime, TimeZone, Utc};
use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::NewJob;

use crate::support::database::TestDatabase;

#[derive(QueryableByName)]
struct Judged {
    #[diesel(sql_type = Nullable<Text>)]
    problem: Option<String>,
}

/// What SQL finds wrong with the job.
fn by_sql(conn: &mut PgConnection, job: &NewJob) -> Option<String> {
    let options = job.options();
    let judge = "SELECT mainspring.jobs_problem(ARRAY[ROW($1, $2, $3, $4, NULL, $5, $6, NULL, $7, NULL, $8)::mainspring.new_job]) AS problem";
    sql_query(judge)
        .bind::<Text, _>(job.task())
        .bind::<Text, _>(job.payload())
        .bind::<Nullable<Text>, _>(options.queue.as_deref())
        .bind::<Nullable<Timestamptz>, _>(options.run_at)
        .bind::<Nullable<Integer>, _>(options.max_attempts.map(i32::from))
        .bind::<Nullable<Text>, _>(options.key.as_deref())
        .bind::<Array<Text>, _>(&options.flags)
        .bind::<Nullable<Integer>, _>(options.version)
        .get_result::<Judged>(conn)
        .unwrap()
        .problem
}

/// What Rust finds wrong with it: a statement of the database would have ended the transaction.
fn by_rust(conn: &mut PgConnection, job: &NewJob) -> Option<String> {
    conn.transaction::<_, DieselError, _>(|conn| {
        let refused = job.clone().insert(conn).err();
        conn.batch_execute("SELECT 1").expect("the transaction goes on");
        Ok(refused.map(|error| error.to_string()))
    })
    .unwrap()
}

fn text(letter: &str, length: usize) -> String {
    letter.repeat(length)
}

fn plain() -> NewJob {
    NewJob::from_json("t", "{}").unwrap()
}

fn with_payload(payload: &str) -> NewJob {
    NewJob::from_json("t", payload).unwrap()
}

fn table() -> Vec<NewJob> {
    let year = |year| -> DateTime<Utc> { Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap() };
    let mut jobs = Vec::new();
    for length in [0, 1, 127, 128, 129] {
        for letter in ["x", "é", "😀"] {
            jobs.push(NewJob::from_json(text(letter, length), "{}").unwrap());
            jobs.push(plain().queue(text(letter, length)));
            jobs.push(plain().flags([text(letter, length)]));
        }
    }
    jobs.extend([0, 1, 511, 512, 513].map(|length| plain().key(text("😀", length))));
    jobs.extend([i16::MIN, 0, 1, i16::MAX].map(|attempts| plain().max_attempts(attempts)));
    jobs.extend([year(1), year(9_999), year(10_000)].map(|at| plain().run_at(at)));
    jobs.extend([i32::MIN, -1, 0, i32::MAX].map(|version| plain().version(version)));
    jobs.extend([32, 33].map(|labels| plain().flags((0..labels).map(|label| label.to_string()))));
    jobs.extend([50, 51].map(|length| plain().flags((0..32).map(|_| text("x", length)))));
    let numbers =
        ["1e308", "1.7976931348623157e308", "1.7976931348623158e308", "-1e309", "5e-324", "4.8e-324", "0e5"];
    jobs.extend(numbers.map(with_payload));
    // Two things are wrong: the first one counts.
    jobs.push(plain().max_attempts(0).key(""));
    jobs.push(plain().run_at(year(10_000)).version(-1));
    jobs.push(plain().version(-1).flags([""]));
    jobs.push(with_payload("1e309").queue(""));
    jobs
}

#[test]
fn rust_and_sql_judge_a_job_alike() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (mut good, mut bad) = (0, 0);
    for job in table() {
        let judged = by_sql(&mut conn, &job);
        let shown = by_rust(&mut conn, &job)
            .map(|problem| problem.replace("+10000-01-01 00:00:00 UTC", "10000-01-01 00:00:00+00"));
        assert_eq!(shown, judged, "{job:?} {}", job.payload());
        if judged.is_some() { bad += 1 } else { good += 1 }
    }
    assert!(good > 20 && bad > 20, "{good} are good and {bad} are bad");
}

#[test]
fn rust_and_sql_judge_jobs_of_chance_alike() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for _ in 0..300 {
        let seed = fastrand::u64(..);
        let job = by_chance(&mut fastrand::Rng::with_seed(seed));
        let judged = by_sql(&mut conn, &job);
        assert_eq!(by_rust(&mut conn, &job), judged, "seed {seed}: {job:?} {}", job.payload());
    }
}

fn by_chance(random: &mut fastrand::Rng) -> NewJob {
    let name = |random: &mut fastrand::Rng, most: usize| {
        let letter = ["x", "é", "€", "😀"][random.usize(..4)];
        let length = [1, random.usize(..most + 2), most, most + 1][random.usize(..4)];
        text(letter, length)
    };
    let mut job = NewJob::from_json(name(random, 128), &payload(random)).unwrap();
    if random.bool() {
        job = job.queue(name(random, 128));
    }
    if random.bool() {
        job = job.key(name(random, 512) + &random.u64(..).to_string());
    }
    if random.bool() {
        job = job.max_attempts(random.i16(-1..3));
    }
    if random.bool() {
        job = job.version(random.i32(-2..5));
    }
    if random.bool() {
        let labels = random.usize(1..34);
        let most = [10, 40, 128][random.usize(..3)];
        job = job.flags((0..labels).map(|_| name(random, most)));
    }
    job
}

fn payload(random: &mut fastrand::Rng) -> String {
    let number = match random.u8(..4) {
        0 => format!("{}", random.i64(..)),
        1 => format!("{}.{}e{}", random.u8(..10), random.u64(..), random.i32(-340..340)),
        2 => format!("-0.{}{}E{}", text("0", random.usize(..20)), random.u32(..), random.i32(-310..330)),
        _ => text("9", random.usize(1..320)),
    };
    match random.u8(..4) {
        0 => number,
        1 => format!("{{\"a\": [{number}, \"{number}\"], \"e\": \"1e999\"}}"),
        2 => format!("{}{number}{}", text("[", 60), text("]", 60)),
        _ => format!("{}{number}{}", text("[", 126), text("]", 126)),
    }
}

#[test]
fn the_size_of_a_payload_is_judged_by_the_limit_that_the_owner_has_set() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 2000', current_database()); END $$";
    conn.batch_execute(limit).unwrap();
    let padded = |length: usize| with_payload(&format!("\"{}\"", text("x", length)));
    let zeros = |count: usize| with_payload(&format!("[{}0]", "0,".repeat(count)));
    for job in [
        padded(100),
        padded(1_000),
        padded(1_998),
        padded(1_999),
        padded(5_000),
        zeros(660),
        zeros(700),
        with_payload(&format!("[{}0]", "1e300,".repeat(7))),
    ] {
        let judged = by_sql(&mut conn, &job);
        assert_eq!(by_rust(&mut conn, &job), judged);
    }
}
