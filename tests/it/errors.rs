//! Errors are recognised by their codes and not by their texts: on a server that speaks German as well.

use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::queues::QueueSettings;
use mainspring::{NewJob, Schema, Session, StoreError, database, jobs, queues, status};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::process::{arguments, run};

const GERMAN: &str = "de_DE.UTF-8";

#[test]
fn errors_of_a_server_are_told_apart() {
    let database = TestDatabase::new();
    tell_apart(&database.url());
}

#[test]
fn errors_of_a_server_that_speaks_german_are_told_apart() {
    let locales = std::env::temp_dir().join(format!("mainspring-locales-{}", std::process::id()));
    std::fs::create_dir_all(&locales).unwrap();
    let made =
        Command::new("localedef").args(["-i", "de_DE", "-f", "UTF-8"]).arg(locales.join(GERMAN)).output();
    if made.is_ok() && locales.join(GERMAN).exists() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments("errors::a_server_that_speaks_german")).env("LOCPATH", &locales);
        run(&mut command);
    } else {
        eprintln!("skipped: this system cannot make the locale {GERMAN}");
    }
    std::fs::remove_dir_all(&locales).unwrap();
}

#[test]
#[ignore = "a helper process of `errors_of_a_server_that_speaks_german_are_told_apart`"]
fn a_server_that_speaks_german() {
    if !std::env::var_os("LOCPATH").is_some_and(|folder| Path::new(&folder).join(GERMAN).exists()) {
        return;
    }
    let options = EmbeddedOptions::temporary().without_fsync().setting("lc_messages", GERMAN);
    let server = EmbeddedPostgres::start(options).unwrap();
    let mut conn = PgConnection::establish(server.url()).unwrap();
    let spoken = conn.batch_execute("SELECT 1 FROM nothing").unwrap_err().to_string();
    if spoken.contains("does not exist") {
        eprintln!("{} has no catalogue of German messages", server.engine());
    }
    database::migrate(&mut conn).unwrap();
    tell_apart(server.url());
}

fn tell_apart(url: &str) {
    let mut conn = PgConnection::establish(url).unwrap();
    let user = format!("mainspring_errors_{}", std::process::id());
    conn.batch_execute(&format!("CREATE ROLE {user} LOGIN PASSWORD 'right'")).unwrap();
    let url_of = |user: &str, password: &str| with_user(url, user, password);

    refused_input(&mut conn);
    wrong_connections(url, &url_of(&user, "wrong"), &url_of("nobody_of_this_name", "wrong"));
    missing_privileges(&mut conn, &url_of(&user, "right"), &user);
    old_and_missing_schemas(&mut conn);

    conn.batch_execute(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).unwrap();
}

fn refused_input(conn: &mut PgConnection) {
    let refused = NewJob::new("", &json!({})).insert(conn).unwrap_err();
    assert!(matches!(&refused, StoreError::Invalid { field, .. } if field == "task"), "{refused}");
    let refused = queues::set(conn, "q", &QueueSettings::concurrency(0)).unwrap_err();
    assert!(matches!(&refused, StoreError::Invalid { field, .. } if field == "concurrency"), "{refused}");
}

fn wrong_connections(url: &str, wrong_password: &str, no_such_role: &str) {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let no_such_database = format!("{}/nothing_of_this_name?{parameters}", place.rsplit_once('/').unwrap().0);
    for url in [wrong_password, no_such_role, &no_such_database] {
        let error = database::connect(url).err().expect("a refusal");
        assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    }
    let error = database::connect("postgres://nobody:secret@127.0.0.1:1/a").err().expect("a failure");
    assert!(matches!(error, StoreError::Connect(_)), "{error}");
}

fn missing_privileges(conn: &mut PgConnection, url: &str, user: &str) {
    let mut limited = PgConnection::establish(url).unwrap();
    let denied = status::read(&mut limited).unwrap_err();
    assert!(matches!(denied, StoreError::Denied(_)), "{denied}");
    conn.batch_execute(&format!("SELECT mainspring.grant_enqueue('{user}')")).unwrap();
    jobs::remove(&mut limited, "no such key").unwrap();
    let denied = queues::pause(&mut limited, "q").unwrap_err();
    assert!(matches!(&denied, StoreError::Denied(text) if text.starts_with("pause_queue")), "{denied}");
    let denied = jobs::get(&mut limited, 1).unwrap_err();
    assert!(matches!(denied, StoreError::Denied(_)), "{denied}");
    let other = mainspring::Schema::new("a schema of another").unwrap();
    let denied = database::migrate(&mut other.on(&mut limited)).unwrap_err();
    assert!(matches!(denied, StoreError::Denied(_)), "{denied}");
}

fn old_and_missing_schemas(conn: &mut PgConnection) {
    conn.batch_execute("DROP FUNCTION mainspring.pause_queue").unwrap();
    let missing = queues::pause(conn, "q").unwrap_err();
    assert!(
        matches!(&missing, StoreError::SchemaMissing(text) if text.ends_with("pause_queue")),
        "{missing}"
    );
    conn.batch_execute("DELETE FROM mainspring.definitions WHERE name = 'wake'").unwrap();
    let old = database::verify(conn).unwrap_err();
    assert!(matches!(old, StoreError::SchemaTooOld { .. }), "{old}");
    conn.batch_execute("DROP SCHEMA mainspring CASCADE").unwrap();
    let missing = queues::pause(conn, "q").unwrap_err();
    assert!(matches!(missing, StoreError::SchemaMissing(_)), "{missing}");
    let old = database::verify(conn).unwrap_err();
    assert!(matches!(old, StoreError::SchemaTooOld { .. }), "{old}");
}

#[test]
fn the_servers_detail_and_hint_are_in_the_error() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'it fails' USING DETAIL = 'the detail', HINT = 'the hint'; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON mainspring.jobs EXECUTE FUNCTION fail()",
    )
    .unwrap();
    let error = NewJob::new("t", &json!({})).insert(&mut conn).unwrap_err();
    assert_eq!(error.to_string(), "database error: it fails; the detail; the hint");
    assert!(std::error::Error::source(&error).is_none(), "a source would repeat the text");
    let StoreError::Database(error) = error else { panic!("{error}") };
    assert_eq!(
        (error.detail(), error.hint(), error.constraint()),
        (Some("the detail"), Some("the hint"), None)
    );
}

#[test]
fn a_commit_that_the_server_refuses_is_a_database_error() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE t (a int CONSTRAINT once UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        .unwrap();
    let schema = Schema::default();
    let insert_twice = |conn: &mut Session<'_>| -> Result<(), StoreError> {
        conn.batch_execute("INSERT INTO t VALUES (1), (1)").unwrap();
        Ok(())
    };
    let error = schema.on(&mut conn).transaction(insert_twice).unwrap_err();
    let StoreError::Database(error) = error else { panic!("{error}") };
    assert_eq!(error.constraint(), Some("once"));
}

fn with_user(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    format!("{scheme}://{user}:{password}@{place}")
}
