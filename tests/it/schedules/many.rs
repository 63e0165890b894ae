//! Thousands of schedules: those due at one moment fire within a second, and the others are not looked at.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::*;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

// Their next fires are of the expression. Otherwise a start marks the rows while the test changes them.
const TEN_THOUSAND: &str = "
    INSERT INTO mainspring.schedules (name, task, expression, zone, payload, overlap, catch_up, jitter_seconds, priority,
        max_attempts, paused, next_fire_at)
    SELECT 's' || n, 'idle', '0 * * * *', 'UTC', '{}', CASE WHEN n % 2 = 0 THEN 'allow' ELSE 'skip' END, 1, 0, 0, 25,
        false, date_trunc('hour', now()) + n * interval '1 day' FROM generate_series(1, 10000) AS n;
    ANALYZE mainspring.schedules;";
const A_THOUSAND_DUE: &str = "UPDATE mainspring.schedules SET next_fire_at = date_trunc('hour', now()) \
    WHERE id % 10 = 0; SELECT mainspring.tell_schedules_changed()";

/// How long it takes until each of them has fired.
async fn a_thousand_fires() -> Duration {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TEN_THOUSAND).unwrap();
    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    conn.batch_execute(A_THOUSAND_DUE).unwrap();
    let due = Instant::now();
    until(&database, "mainspring.jobs", 1_000).await;
    let took = due.elapsed();
    assert_eq!(count(&mut conn, "mainspring.schedule_fires WHERE outcome = 'enqueued'"), 1_000);
    assert_eq!(count(&mut conn, "mainspring.schedules WHERE next_fire_at <= now()"), 0);
    scheduler.stop().await;
    // Its sessions have reported to the statistics what they read: some rows for each due schedule, and not all each time.
    let reads = "(SELECT FROM pg_stat_user_tables WHERE relid = 'mainspring.schedules'::regclass \
                 AND idx_tup_fetch BETWEEN 2000 AND 9000) AS statistics";
    until(&database, reads, 1).await;
    took
}

#[tokio::test]
async fn a_thousand_due_schedules_of_ten_thousand_fire_within_a_second() {
    // An unoptimised build on a machine that others use: the figure of docs/PERFORMANCE.md is of a release build.
    in_time_once(async || a_thousand_fires().await < Duration::from_secs(5)).await;
}

#[test]
fn due_next_and_marked_schedules_are_found_by_an_index() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TEN_THOUSAND).unwrap();
    for question in [
        "SELECT id FROM mainspring.schedules WHERE next_fire_at <= mainspring.now() ORDER BY next_fire_at \
         LIMIT 500 FOR UPDATE SKIP LOCKED",
        "SELECT id FROM mainspring.schedules WHERE plan_after IS NOT NULL ORDER BY plan_after LIMIT 500 \
         FOR UPDATE SKIP LOCKED",
        "SELECT next_fire_at FROM mainspring.schedules WHERE next_fire_at IS NOT NULL ORDER BY next_fire_at LIMIT 1",
    ] {
        let plan: Vec<Line> = sql_query(format!("EXPLAIN {question}")).load(&mut conn).unwrap();
        let plan: String = plan.into_iter().map(|row| row.line + "\n").collect();
        assert!(plan.contains("Index") && !plan.contains("Seq Scan") && !plan.contains("Sort"), "{plan}");
    }
}

#[test]
fn pages_of_a_prefix_are_whole_whatever_the_database_sorts_by() {
    let database = TestDatabase::collated("de-DE").unwrap_or_else(TestDatabase::new);
    let mut conn = database.connection();
    mainspring::database::migrate(&mut conn).unwrap();
    for name in ["acme/b", "acme-b/0", "ACME/0", "acme/a", "acme", "acme/%_\\x", "acme/B", "b"] {
        create(&mut conn, &new(name, "@yearly")).unwrap();
    }
    let mut filter = ScheduleFilter::new();
    (filter.prefix, filter.limit) = (Some("acme/".into()), 2);
    let mut listed = Vec::new();
    loop {
        let page = list(&mut conn, &filter).unwrap();
        listed.extend(page.iter().map(|row| row.name.clone()));
        let Some(last) = page.last() else { break };
        filter.after = Some(last.name.clone());
    }
    assert_eq!(listed, ["acme/%_\\x", "acme/B", "acme/a", "acme/b"]);
    let mut literal = ScheduleFilter::new();
    literal.prefix = Some("acme/%_\\".into());
    assert_eq!(list(&mut conn, &literal).unwrap().len(), 1);
    literal.prefix = Some("acme/_".into());
    assert!(list(&mut conn, &literal).unwrap().is_empty());
}

#[test]
fn a_page_of_the_schedules_of_a_tenant_reads_a_range_of_the_index() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TEN_THOUSAND).unwrap();
    let page = "EXPLAIN SELECT name FROM mainspring.schedules_view WHERE owner = 'people' AND name > '' \
        AND name LIKE 's99%' ORDER BY name LIMIT 100";
    let plan: Vec<Line> = sql_query(page).load(&mut conn).unwrap();
    let plan: Vec<String> = plan.into_iter().map(|row| row.line).collect();
    assert!(plan.iter().any(|line| line.contains("Index Cond") && line.contains(">= 's99'")), "{plan:#?}");
    assert!(!plan.iter().any(|line| line.contains("Sort")), "{plan:#?}");
}
