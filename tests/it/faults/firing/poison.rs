//! Whatever SQL or a restore writes into the row of a schedule concerns that schedule alone.

use mainspring::schedules::{self, ScheduleFilter};

use super::*;

const NO_CHECKS: &str = "DO $$ DECLARE c record; BEGIN \
    FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'mainspring.schedules'::regclass AND contype = 'c' LOOP \
        EXECUTE format('ALTER TABLE mainspring.schedules DROP CONSTRAINT %I', c.conname); \
    END LOOP; END $$";

// One change each.
fn poisons() -> Vec<String> {
    let times = ["'infinity'", "'-infinity'", "'4713-01-01 00:00:00+00 BC'", "'294276-12-31 00:00:00+00'"];
    let columns = [
        "next_fire_at",
        "starts_at",
        "ends_at",
        "last_fire_at",
        "created_at",
        "updated_at",
        "making_up_until",
        "late_since",
    ];
    let mut poisons: Vec<String> = columns
        .iter()
        .flat_map(|column| times.iter().map(move |time| format!("{column} = {time}")))
        .collect();
    poisons.extend(times.iter().map(|time| format!("next_fire_at = NULL, plan_after = {time}")));
    let others = [
        "catch_up = -1",
        "catch_up = 2147483647, next_fire_at = now() - interval '10 years'",
        "jitter_seconds = -5",
        "jitter_seconds = 2147483647",
        "priority = -32768",
        "max_attempts = 0",
        "max_attempts = -32768",
        "overlap = 'martian'",
        "task = ''",
        "task = repeat('x', 300)",
        "expression = ''",
        "expression = 'gibberish'",
        "expression = repeat('*', 5000)",
        "zone = 'Mars'",
        "zone = ''",
        "queue = ''",
        "queue = repeat('x', 300)",
        "key = ''",
        "key = repeat('x', 600), overlap = 'skip'",
        "key = 'k'",
        "payload = '[]'",
        "payload = '5'",
        "payload = 'null'",
        "payload = to_jsonb(repeat('x', 2000000))",
        "key_mode = 'martian'",
        "flags = '{NULL}'",
        "flags = array_fill('f'::text, ARRAY[40])",
        "flags = '{\"\"}'",
        "owner = 'martian'",
        "last_outcome = 'martian'",
        "error = 'martian'",
        "paused = true",
        "late_reason = 'martian'",
        "name = ''",
        "name = repeat('x', 300)",
        "plan_after = now()",
        "last_job_id = -1",
    ];
    poisons.extend(others.map(str::to_owned));
    poisons
}

#[tokio::test]
async fn a_schedule_that_is_poisoned_in_any_column_holds_up_no_other() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(NO_CHECKS).unwrap();
    let poisons = poisons();
    for (n, poison) in poisons.iter().enumerate() {
        make(&mut conn, &format!("p{n:03}"), "* * * * * *", "");
        let due =
            "UPDATE mainspring.schedules SET plan_after = NULL, next_fire_at = date_trunc('second', now())";
        conn.batch_execute(&format!("{due} WHERE name = 'p{n:03}'")).unwrap();
        conn.batch_execute(&format!("UPDATE mainspring.schedules SET {poison} WHERE name = 'p{n:03}'"))
            .unwrap_or_else(|error| panic!("{poison}: {error}"));
    }
    make(&mut conn, "innocent", "* * * * * *", "");
    let builder = Scheduler::builder(database.url()).crontab("* * * * * * kept ?id=line");
    let scheduler = builder.start().await.unwrap();
    for name in ["innocent", "line"] {
        until_at_least(&database, &fires(name, "outcome = 'enqueued'"), 3).await;
    }
    // Each has fired, or says why it does not. A stranger's row is left alone, and so is a paused one.
    let open = "mainspring.schedules WHERE name <> 'innocent' AND owner = 'people' AND NOT paused AND error IS NULL \
                AND (next_fire_at IS NULL OR last_outcome IS NULL) AND ends_at IS NULL";
    until(&database, open, 0).await;
    let filter = |after: Option<String>| {
        let mut filter = ScheduleFilter::new();
        filter.after = after;
        filter.limit = 1_000;
        filter
    };
    let listed = schedules::list(&mut conn, &filter(None)).unwrap();
    assert!(listed.len() > poisons.len() - 5, "{}", listed.len());
    scheduler.stop().await;
}

const ANGRY: &str = "CREATE FUNCTION angry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF to_jsonb(NEW)::text LIKE '%bad%' THEN RAISE EXCEPTION 'I am angry'; END IF; RETURN NEW; END $$; \
    CREATE TRIGGER angry BEFORE INSERT OR UPDATE ON mainspring.";

#[tokio::test]
async fn a_trigger_that_fails_for_one_schedule_makes_only_that_one_late() {
    for table in ["jobs", "schedule_fires", "schedules"] {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        for name in ["bad", "good"] {
            make(&mut conn, name, "* * * * * *", &format!("payload := '{{\"is\": \"{name}\"}}'"));
        }
        conn.batch_execute(&format!("{ANGRY}{table} FOR EACH ROW EXECUTE FUNCTION angry()")).unwrap();
        let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
        until_at_least(&database, &fires("good", "outcome = 'enqueued'"), 3).await;
        assert_eq!(count(&mut conn, &fires("bad", "true")), 0);
        if table != "schedules" {
            let late = "mainspring.schedules_view WHERE name = 'bad' AND late_reason = 'I am angry'";
            until(&database, late, 1).await;
        }
        conn.batch_execute(&format!("DROP TRIGGER angry ON mainspring.{table}")).unwrap();
        until_at_least(&database, &fires("bad", "outcome = 'enqueued'"), 1).await;
        scheduler.stop().await;
    }
}
