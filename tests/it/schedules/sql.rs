//! Schedules from plain SQL: what a running instance makes of them, and what a role with nothing but EXECUTE may do.

use super::*;

#[tokio::test]
async fn a_schedule_made_by_plain_sql_fires_within_a_second_of_its_moment() {
    let database = TestDatabase::new();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    let made = Instant::now();
    let make = "SELECT mainspring.create_schedule('a', 'tick', '* * * * * *', '{\"note\": \"sql\"}')";
    database.connection().batch_execute(make).unwrap();
    assert_eq!(ticks.next().await.note.as_deref(), Some("sql"));
    assert!(made.elapsed() < Duration::from_secs(20), "{:?}", made.elapsed());
    scheduler.stop().await;
}

#[tokio::test]
async fn an_unreadable_expression_is_marked_with_its_error_until_it_changes() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    conn.batch_execute(
        "SELECT mainspring.create_schedule('bad', 'tick', '61 * * * *'); \
         SELECT mainspring.create_schedule('lost', 'tick', '* * * * *', zone := 'Mars'); \
         SELECT mainspring.create_schedule('good', 'tick', '* * * * * *')",
    )
    .unwrap();
    ticks.next().await;
    until(&database, "mainspring.schedules WHERE error IS NOT NULL AND plan_after IS NULL", 2).await;
    let error = |conn: &mut PgConnection, name| get(conn, name).unwrap().unwrap().error;
    assert!(error(&mut conn, "bad").unwrap().contains("found `61`, expected a minute"));
    assert!(error(&mut conn, "lost").unwrap().contains("got `Mars`"));
    conn.batch_execute("SELECT mainspring.update_schedule('bad', '{\"expression\": \"@daily\"}')").unwrap();
    until(&database, "mainspring.schedules WHERE name = 'bad' AND next_fire_at > now()", 1).await;
    assert_eq!(error(&mut conn, "bad"), None);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_that_is_refused_ends_its_schedule_and_delays_no_other() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    create(&mut conn, &new("fat", "0 * * * *").payload(json!({"note": "x".repeat(5_000)}))).unwrap();
    create(&mut conn, &new("thin", "0 * * * *")).unwrap();
    for name in ["fat", "thin"] {
        overdue(&mut conn, name, "date_trunc('hour', now())");
    }
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 1000', \
                 current_database()); END $$";
    conn.batch_execute(limit).unwrap();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    assert_eq!(ticks.next().await._cron.schedule, "thin");
    let faulty = get(&mut conn, "fat").unwrap().unwrap();
    assert!(faulty.error.unwrap().contains("payload must be at most 1000 bytes"));
    assert_eq!(count(&mut conn, "mainspring.schedules WHERE name = 'fat' AND next_fire_at IS NULL"), 1);
    scheduler.stop().await;
}

#[test]
fn a_role_for_schedules_edits_them_and_is_refused_the_tables() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let role = format!("scheduling_{}", std::process::id());
    let make = format!("CREATE ROLE {role}; SELECT mainspring.grant_schedules('{role}'); SET ROLE {role}");
    conn.batch_execute(&make).unwrap();
    conn.batch_execute(
        "SELECT mainspring.create_schedule('a', 'tick', '@daily', priority := 3); \
         SELECT mainspring.update_schedule('a', '{\"queue\": \"q\"}'); \
         SELECT mainspring.pause_schedule('a'); SELECT mainspring.resume_schedule('a'); \
         SELECT mainspring.trigger_schedule('a')",
    )
    .unwrap();
    assert_eq!(fires(&mut conn, "a", 10).unwrap().len(), 1);
    assert_eq!(
        list(&mut conn, &ScheduleFilter::default()).unwrap()[0].last_job_state.as_deref(),
        Some("parked")
    );
    conn.batch_execute("SELECT mainspring.delete_schedule('a')").unwrap();
    for table in ["schedules", "jobs"] {
        assert!(conn.batch_execute(&format!("SELECT FROM mainspring.{table}")).is_err());
    }
    let unknown =
        conn.batch_execute("SELECT mainspring.create_schedule('b', 'tick', '@daily', overlap := 'maybe')");
    let refused = unknown.unwrap_err().to_string();
    assert!(refused.contains("overlap must be allow, skip or replace, got 'maybe'"), "{refused}");
    create(&mut conn, &new("b", "@daily")).unwrap();
    update(&mut conn, "b", &ScheduleChanges::new().priority(1)).unwrap();
    let forget = format!("RESET ROLE; SELECT mainspring.revoke_grants('{role}'); DROP ROLE {role}");
    conn.batch_execute(&forget).unwrap();
}

#[test]
fn what_no_program_could_read_is_refused_by_sql_too() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let mut refused = |options: &str, expected: &str| {
        let call = format!("SELECT mainspring.create_schedule('a', 'tick', {options})");
        let text = conn.batch_execute(&call).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    refused("'@daily', starts_at := 'infinity'", "starts_at must be in the years 1 to 9999, got infinity");
    refused("'@daily', starts_at := '-infinity'", "starts_at must be in the years 1 to 9999");
    refused("'@daily', ends_at := '12000-01-01'", "ends_at must be in the years 1 to 9999");
    refused("repeat('x', 1025)", "expression must be at most 1024 characters, got 1025");
    refused("'@daily', zone := repeat('x', 129)", "zone must be at most 128 characters, got 129");
    refused("'@daily', '[1]'", "payload must be an object, got array");
    refused("NULL", "expression must be a cron expression, got none");
    assert_eq!(count(&mut conn, "mainspring.schedules"), 0);
}

#[test]
fn an_unknown_field_is_refused_with_the_list_of_those_there_are() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    create(&mut conn, &new("a", "@daily")).unwrap();
    let refused = conn.batch_execute("SELECT mainspring.update_schedule('a', '{\"next_fire_at\": null}')");
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("changes must have the fields task, expression") && text.contains("got next_fire_at"),
        "{text}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_field() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    create(&mut conn, &new("a", "@daily")).unwrap();
    let mut refused = |changes: &str, expected: &str| {
        let text = conn.batch_execute(&format!("SELECT mainspring.update_schedule('a', '{changes}')"));
        let text = text.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    refused("[1]", "changes must be an object, got array");
    refused(r#""x""#, "changes must be an object, got string");
    refused(r#"{"priority": 40000}"#, "priority must be -32768 to 32767, got 40000");
    refused(r#"{"priority": 1.5}"#, "priority must be a whole number, got 1.5");
    refused(r#"{"max_attempts": 99999999999}"#, "max_attempts must be 1 to 32767, got 99999999999");
    refused(r#"{"catch_up": "many"}"#, r#"catch_up must be a whole number, got "many""#);
    refused(r#"{"jitter_seconds": 1e300}"#, "jitter_seconds must be 0 to 86400, got 1000");
    refused(r#"{"starts_at": "gibberish"}"#, "starts_at must be a moment with its offset");
    refused(r#"{"ends_at": "tomorrow"}"#, "got 'tomorrow'");
    refused(r#"{"ends_at": "2027-13-45T00:00:00Z"}"#, "ends_at must be a moment with its offset");
    refused(r#"{"paused": "maybe"}"#, r#"paused must be true or false, got "maybe""#);
    refused(r#"{"queue": 5}"#, "queue must be a string, got 5");
    refused(r#"{"flags": [1]}"#, "flags must be an array of strings, got [1]");
    refused(r#"{"overlap": {}}"#, "overlap must be a string, got {}");
    let created =
        |options: &str| format!("SELECT mainspring.create_schedule('b', 'tick', '@daily', {options})");
    let text = conn.batch_execute(&created("priority := 40000")).unwrap_err().to_string();
    assert!(text.contains("priority must be -32768 to 32767, got 40000"), "{text}");
    conn.batch_execute(&created("starts_at := now(), ends_at := now() + interval '1 day'")).unwrap();
}
