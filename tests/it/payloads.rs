//! Payloads of any size reach their handlers, and memory stays bounded whatever waits.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::database::connect;
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::{Reports, in_time_once, reports, until};

#[derive(Serialize, Deserialize)]
struct Letter {
    number: usize,
    text: String,
}
impl Task for Letter {
    const NAME: &'static str = "letter";
}

/// A letter as it was read, and in which attempt.
type Read = (usize, String, i16);

async fn read(letter: Letter, job: JobContext) -> JobResult {
    job.data::<UnboundedSender<Read>>().send((letter.number, letter.text, job.attempt()))?;
    Ok(())
}

fn reader(url: &str) -> (SchedulerBuilder, Reports<Read>) {
    let (sender, read_letters) = reports(url);
    (Scheduler::builder(url).handler(read).app_data(sender), read_letters)
}

const LARGE: usize = (1 << 20) - 100;

// Adds letters of nearly 1 MiB that hardly compress, each with its own turn of the same text.
fn add_large(conn: &mut PgConnection, letters: usize) {
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, priority, state, payload) \
         SELECT 'letter', now(), 1, 'ready', jsonb_build_object('number', n, 'text', right(t, -n) || left(t, n)) \
         FROM ({TEXT}) AS t, generate_series(1, {letters}) AS n"
    ))
    .unwrap();
}

const TEXT: &str =
    "SELECT left(string_agg(md5(i::text), ''), 1048476) AS t FROM generate_series(1, 32768) AS i";

#[derive(QueryableByName)]
struct Sheet {
    #[diesel(sql_type = Text)]
    t: String,
}

/// What `add_large` has written into the letter.
struct Original(String);

impl Original {
    fn of(conn: &mut PgConnection) -> Self {
        let sheet: Sheet = sql_query(TEXT).get_result(conn).unwrap();
        assert_eq!(sheet.t.len(), LARGE);
        Self(sheet.t)
    }

    fn is_in(&self, (number, text, _): &Read) -> bool {
        let (begin, end) = self.0.split_at(*number);
        text.len() == LARGE && text.starts_with(end) && text.ends_with(begin)
    }
}

/// Texts of the sizes at which payloads take another way.
fn texts() -> Vec<String> {
    let sizes = [1, 1_900, 1_970, 1_999, 2_000, 2_001, 2_100, 8_150, 8_192, 8_193, 100 << 10, LARGE];
    let texts = sizes.iter().flat_map(|&size| {
        let mixed = (0..size).map(|_| fastrand::alphanumeric()).collect::<String>();
        ["x".repeat(size), mixed, "\"\u{1}".repeat(size.min(100_000) / 2), "é☃".repeat(size / 5)]
    });
    texts.collect()
}

/// The letters with these texts, each of a lower priority than those before it, as a process reads them one after another.
async fn read_in_turn(texts: &[String]) -> Vec<Read> {
    let database = TestDatabase::new();
    for (number, text) in texts.iter().enumerate() {
        let letter = Letter { number, text: text.clone() };
        Enqueue::new(letter).priority(number as i16).insert(&mut database.connection()).unwrap();
    }
    let (builder, mut letters) = reader(&database.url());
    let scheduler = builder.concurrency(1).start().await.unwrap();
    let mut read = Vec::new();
    for _ in texts {
        read.push(letters.next().await);
    }
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    read
}

// A job that does not start within 250 ms goes back for others to take, and one of a lower priority may start before it.
#[tokio::test]
async fn payloads_of_every_size_arrive_as_they_were_and_in_order() {
    let texts = texts();
    in_time_once(async || {
        let mut read = read_in_turn(&texts).await;
        let in_order = read.is_sorted_by_key(|(number, ..)| *number);
        read.sort_by_key(|(number, ..)| *number);
        for (number, (letter, text)) in read.iter().zip(&texts).enumerate() {
            assert!(*letter == (number, text.clone(), 1), "letter {number} of {} bytes", text.len());
        }
        in_order
    })
    .await;
}

// More at once than are fetched ahead, so that some are fetched by those that run them.
#[tokio::test]
async fn connections_cut_among_forty_large_jobs_cost_no_attempt() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let original = Original::of(&mut conn);
    add_large(&mut conn, 40);
    let (builder, mut letters) = reader(&database.url());
    let scheduler = builder.concurrency(40).start().await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for read in 1..=40 {
        let letter = letters.next().await;
        assert!(original.is_in(&letter), "letter {}", letter.0);
        assert_eq!(letter.2, 1);
        if read % 10 == 0 {
            conn.batch_execute(cut).unwrap();
        }
    }
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

// The one session that claims and fetches is made unable to hold a large result, for the first two claims.
const NO_ROOM_FOR_SEVERAL: &str = "
    CREATE FUNCTION public.narrow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM set_config('work_mem', '64kB', false), set_config('temp_file_limit', '0', false);
        RETURN NULL;
    END $$;
    CREATE TRIGGER narrow AFTER UPDATE ON mainspring.jobs
        FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION public.narrow()";

#[tokio::test]
async fn payloads_that_cannot_be_fetched_together_are_fetched_one_by_one() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    add_large(&mut conn, 3);
    conn.batch_execute(NO_ROOM_FOR_SEVERAL).unwrap();
    let (builder, mut letters) = reader(&database.url());
    let scheduler = builder.pool_size(2).start().await.unwrap();
    for _ in 0..3 {
        assert_eq!(letters.next().await.2, 1, "the first attempt");
    }
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

const DELETE_CLAIMED: &str = "
    CREATE FUNCTION public.snatch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        DELETE FROM mainspring.jobs WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER snatch AFTER UPDATE ON mainspring.jobs
        FOR EACH ROW WHEN (NEW.state = 'running' AND NEW.priority = 1) EXECUTE FUNCTION public.snatch()";

#[tokio::test]
async fn a_large_job_deleted_before_its_payload_came_does_not_run() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(DELETE_CLAIMED).unwrap();
    add_large(&mut conn, 3);
    let letter = |number| Enqueue::new(Letter { number, text: "y".repeat(LARGE) });
    letter(500).priority(2).insert(&mut conn).unwrap();
    let (builder, mut letters) = reader(&database.url());
    let scheduler = builder.concurrency(2).start().await.unwrap();
    assert_eq!(letters.next().await.0, 500);
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    assert!(letters.try_next().is_none());
}

/// Not a test of its own: the process whose memory another test looks at.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "a helper process of `memory_is_bounded_when_large_jobs_come_after_many_small_ones`"]
async fn helper_process_that_reads_letters() {
    let Some(url) = process::given_url() else { return };
    let original = Original::of(&mut connect(&url).unwrap());
    let (builder, mut letters) = reader(&url);
    let before = kilobytes("VmRSS:");
    let scheduler = builder.start().await.unwrap();
    for _ in 0..SMALL_LETTERS + LARGE_LETTERS {
        let letter = letters.next().await;
        assert!(letter.0 == 0 || original.is_in(&letter), "letter {}", letter.0);
    }
    scheduler.stop().await;
    println!("\ngrew by {} kB", kilobytes("VmHWM:") - before);
}

const SMALL_LETTERS: usize = 2_000;
const LARGE_LETTERS: usize = 300;

#[cfg(target_os = "linux")]
fn kilobytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_when_large_jobs_come_after_many_small_ones() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, payload) \
         SELECT 'letter', now(), 'ready', '{{\"number\": 0, \"text\": \"\"}}' FROM generate_series(1, {SMALL_LETTERS})"
    ))
    .unwrap();
    add_large(&mut conn, LARGE_LETTERS);
    let test = "payloads::helper_process_that_reads_letters";
    let told = process::run(&mut process::command(test, &database.url())).out;
    let grown = told.lines().find_map(|line| line.strip_prefix("grew by ")?.strip_suffix(" kB")).unwrap();
    eprintln!("grew by {grown} kB");
    // A claim of all large ones with their payloads made it 300 MiB and more.
    assert!(grown.parse::<u64>().unwrap() < 120 * 1024, "grew by {grown} kB");
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}
