//! Any column of a waiting job may hold anything that its type can hold, as after a restore into a table without constraints.
//! All other jobs end, whatever state and queue they wait in.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

const WITHOUT_CONSTRAINTS: &str = "DO $$ DECLARE r record; BEGIN \
    FOR r IN SELECT conname FROM pg_constraint WHERE conrelid = 'mainspring.jobs'::regclass AND contype = 'c' LOOP \
        EXECUTE format('ALTER TABLE mainspring.jobs DROP CONSTRAINT %I', r.conname); END LOOP; \
    FOR r IN SELECT attname FROM pg_attribute WHERE attrelid = 'mainspring.jobs'::regclass AND attnum > 0 \
        AND attname NOT IN ('id', 'state') LOOP \
        EXECUTE format('ALTER TABLE mainspring.jobs ALTER COLUMN %I DROP NOT NULL', r.attname); END LOOP; \
    END $$; \
    CREATE FUNCTION noise(bytes integer) RETURNS text LANGUAGE sql AS \
        $$ SELECT left(string_agg(md5(n::text), ''), bytes) FROM generate_series(1, bytes / 32 + 1) AS n $$;";

const POISONS: [(&str, &[&str]); 22] = [
    ("attempts, flags", &["32767, '{f}'"]),
    ("run_at", &["NULL", "'-infinity'", "'infinity'", "'294276-12-31'", "'4713-01-01 BC'"]),
    ("turn_at", &["'-infinity'", "'infinity'", "'294276-12-31'"]),
    ("created_at", &["NULL", "'-infinity'", "'infinity'"]),
    ("updated_at", &["NULL", "'-infinity'", "'infinity'"]),
    ("locked_at", &["'infinity'"]),
    ("lease", &["7", "-9223372036854775808"]),
    ("slot", &["-9223372036854775808", "9223372036854775807"]),
    ("worker_id", &["2147483647", "-2147483648"]),
    ("revision", &["NULL", "9223372036854775807"]),
    ("priority", &["NULL", "-32768", "32767"]),
    ("attempts", &["NULL", "-32768", "32767"]),
    ("deaths", &["NULL", "-32768", "32767"]),
    ("max_attempts", &["NULL", "-32768", "0", "32767"]),
    ("progress", &["-32768", "32767"]),
    ("superseded", &["NULL", "true"]),
    ("key", &["''", "noise(2000)"]),
    ("flags", &["'{}'", "ARRAY[NULL]", "ARRAY[['a'], ['b']]", "ARRAY[noise(2500)]", "ARRAY[noise(20000)]"]),
    ("progress_note", &["repeat('x', 100000)"]),
    ("cancel_reason", &["''", "repeat('x', 100000)"]),
    ("last_error", &["noise(100000)"]),
    (
        "payload",
        &[
            "NULL",
            "'null'",
            "to_jsonb(repeat('x', 3000000))",
            "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
            "('[' || repeat('1e131071,', 100) || '0]')::jsonb",
            "('[' || repeat('1e131071,', 9000) || '0]')::jsonb",
        ],
    ),
];

/// In the states of waiting jobs: without a queue, in a queue of others, and in a queue of its own. A job that is
/// ready has the slot of its queue.
const STATES: [(&str, &str); 6] = [
    ("ready", "NULL"),
    ("ready", "'own ' || noise(100)"),
    ("parked", "'q1'"),
    ("parked", "NULL"),
    ("scheduled", "NULL"),
    ("scheduled", "'q2'"),
];

// An insert that is refused leaves no poison.
fn plant(column: &str, value: &str, (state, queue): (&str, &str)) -> String {
    let others = [
        ("task", "'act'".to_owned()),
        ("payload", "'{\"act\": \"poisoned\"}'".to_owned()),
        ("run_at", "mainspring.now()".to_owned()),
        ("state", format!("'{state}'")),
        ("queue", queue.to_owned()),
    ];
    let others: Vec<_> = others.into_iter().filter(|(name, _)| *name != column).collect();
    let names: Vec<_> = others.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = others.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "DO $$ BEGIN INSERT INTO mainspring.jobs ({column}, {}) VALUES ({value}, {}); \
         EXCEPTION WHEN OTHERS THEN NULL; END $$;",
        names.join(", "),
        values.join(", ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_waiting_job_holds_all_other_jobs_end() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(WITHOUT_CONSTRAINTS).unwrap();
    for (column, values) in POISONS {
        for (value, state) in values.iter().flat_map(|value| STATES.map(|state| (value, state))) {
            conn.batch_execute(&plant(column, value, state)).unwrap();
        }
    }
    assert!(count(&mut conn, "mainspring.jobs") > 250, "most poison is planted");
    let soon = || chrono::Utc::now() + Duration::from_millis(200);
    for _ in 0..5 {
        act("good").insert(&mut conn).unwrap();
        act("good").flags(["a"]).insert(&mut conn).unwrap();
        act("good").run_at(soon()).insert(&mut conn).unwrap();
        for queue in ["q1", "q2", "q3"] {
            act("good").queue(queue).insert(&mut conn).unwrap();
            act("good").queue(queue).run_at(soon()).insert(&mut conn).unwrap();
        }
    }
    let (builder, _starts) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_millis(200)).start().await.unwrap();
    until(&database, "mainspring.jobs WHERE payload->>'act' = 'good'", 0).await;
    assert_eq!(count(&mut conn, "mainspring.history WHERE outcome <> 'succeeded'"), 0);
    scheduler.stop().await;
}
