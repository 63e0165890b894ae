//! Trace contexts in rows: each way into the table from SQL, and what is no context.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Nullable, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::NewJob;
use mainspring::trace::TraceContext;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[derive(QueryableByName)]
struct Read {
    #[diesel(sql_type = Nullable<Text>)]
    context: Option<String>,
}

/// The context of the job that was added last.
fn last(conn: &mut PgConnection) -> Option<String> {
    let query = "SELECT trace_context AS context FROM mainspring.jobs_view ORDER BY id DESC LIMIT 1";
    sql_query(query).get_result::<Read>(conn).unwrap().context
}

fn by_sql(conn: &mut PgConnection, header: &str) -> Option<String> {
    let query = sql_query("SELECT mainspring.trace_context_of($1) AS context");
    query.bind::<Text, _>(header).get_result::<Read>(conn).unwrap().context
}

fn headers() -> Vec<(String, Option<&'static str>)> {
    let known: &[(&str, Option<&str>)] = &[
        (TRACE, Some(TRACE)),
        (OTHER, Some(OTHER)),
        // A later version may add to it. Of its flags those are kept that are known.
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", Some(TRACE)),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd", Some(TRACE)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09", Some(TRACE)),
        ("", None),
        ("00", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", None),
        (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more", None),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01", None),
        ("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", None),
        ("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
        ("'; DROP TABLE mainspring.jobs; --", None),
        ("😀0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-😀", None),
    ];
    let mut headers: Vec<_> = known.iter().map(|(header, read)| ((*header).to_owned(), *read)).collect();
    headers.push(("0".repeat(1_000_000), None));
    headers.push((format!("{TRACE}{}", "-x".repeat(100_000)), None));
    headers
}

#[test]
fn rust_and_sql_read_the_same_of_any_header() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for (header, expected) in headers() {
        let shown: String = header.chars().take(80).collect();
        assert_eq!(by_sql(&mut conn, &header).as_deref(), expected, "SQL: {shown}");
        let read = TraceContext::parse(&header).map(|context| context.to_string());
        assert_eq!(read.as_deref(), expected, "Rust: {shown}");
    }
}

#[test]
fn each_way_into_the_table_from_sql_takes_a_context() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for call in [
        "add_job('t', trace_context => 'CONTEXT')",
        "add_job('t', trace_context => 'CONTEXT', key => 'k')",
        "add_jobs('[{\"task\": \"t\", \"trace_context\": \"CONTEXT\"}]')",
        "enqueue(ARRAY['t'], trace_contexts => ARRAY['CONTEXT'])",
    ] {
        for (written, stored) in [(TRACE, Some(TRACE)), (OTHER, Some(OTHER)), ("00-junk", None), ("", None)] {
            let call = format!("SELECT FROM mainspring.{}", call.replace("CONTEXT", written));
            conn.batch_execute(&call).unwrap_or_else(|error| panic!("{call}: {error}"));
            assert_eq!(last(&mut conn).as_deref(), stored, "{call}");
        }
    }
}

#[test]
fn a_job_from_rust_carries_the_context_that_it_is_given() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let job = || NewJob::from_json("t", "{}").unwrap().trace_context(TraceContext::parse(TRACE));
    for job in [job(), job().key("k"), job().queue("q"), job().run_in(std::time::Duration::from_secs(60))] {
        job.insert(&mut conn).unwrap();
        assert_eq!(last(&mut conn).as_deref(), Some(TRACE));
    }
    NewJob::from_json("t", "{}").unwrap().insert(&mut conn).unwrap();
    assert_eq!(last(&mut conn), None);
}

const TRIGGER: &str = "CREATE TABLE invoices (id bigint);
    CREATE FUNCTION send_invoice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM mainspring.add_job('invoice.send', jsonb_build_object('invoice', NEW.id));
        RETURN NULL;
    END $$;
    CREATE TRIGGER send AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION send_invoice();";

#[test]
fn a_trigger_takes_the_context_of_its_transaction() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TRIGGER).unwrap();
    let insert = |context: &str| {
        format!(
            "BEGIN; SET LOCAL mainspring.trace_context = '{context}'; INSERT INTO invoices VALUES (1); COMMIT"
        )
    };
    conn.batch_execute(&insert(TRACE)).unwrap();
    assert_eq!(last(&mut conn).as_deref(), Some(TRACE));
    conn.batch_execute("INSERT INTO invoices VALUES (2)").unwrap();
    assert_eq!(last(&mut conn), None, "the setting ended with its transaction");
    conn.batch_execute(&insert("hostile '' text".replace('\'', "''").as_str())).unwrap();
    assert_eq!(last(&mut conn), None);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 3);
}

#[test]
fn the_context_of_a_call_comes_before_that_of_its_session() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&format!("SET mainspring.trace_context = '{OTHER}'")).unwrap();
    conn.batch_execute(&format!("SELECT mainspring.add_job('t', trace_context => '{TRACE}')")).unwrap();
    assert_eq!(last(&mut conn).as_deref(), Some(TRACE));
    conn.batch_execute("SELECT mainspring.add_jobs('[{\"task\": \"t\"}]')").unwrap();
    assert_eq!(last(&mut conn).as_deref(), Some(OTHER));
}
