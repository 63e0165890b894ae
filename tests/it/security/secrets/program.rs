//! The output of the program, with secrets in its arguments, its environment and the rows that it lists.

use std::os::unix::fs::PermissionsExt;

use diesel::connection::SimpleConnection;

use super::{PASSWORD, VALUE, assert_silent, text_of, with_password};
use crate::cli::{on, program};
use crate::support::database::TestDatabase;

#[test]
fn no_output_of_the_program_shows_a_payload() {
    let database = TestDatabase::new();
    let good = format!("{{\"how\": \"{VALUE}\"}}");
    let deep = format!("{}\"{VALUE}\"{}", "[".repeat(200), "]".repeat(200));
    let large = format!("\"{}{VALUE}\"", "x".repeat(100_000));
    let broken = format!("{{\"how\": \"{VALUE}\"");
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 2000', current_database()); END $$";
    database.connection().batch_execute(limit).unwrap();
    for arguments in [
        &["enqueue", "keep", &good][..],
        &["enqueue", "keep", &deep],
        &["enqueue", "keep", &large],
        &["enqueue", "keep", &broken],
        &["enqueue", "keep", "{}", &good],
        &["enqueue", "keep", "--payload", &good],
        &["enqueue", "keep", "--payload", &format!("[{good}]")],
        &["schedules", "create", "s", "keep", "@daily", &broken],
        &["schedules", "create", "s", "keep", "@daily", &deep],
        &["schedules", "create", "s", "keep", &good, "@daily"],
        &["jobs", "list"],
        &["jobs", "list", "--json"],
        &["jobs", "show", "1"],
        &["jobs", "show", "1", "--json"],
        &["jobs", "fail", "1"],
        &["jobs", "history"],
        &["status", "--json"],
    ] {
        let mut command = program(arguments);
        let output = command.env("DATABASE_URL", database.url()).env("RUST_LOG", "trace").output().unwrap();
        assert_silent(&format!("{arguments:?}"), &text_of(output));
    }
}

#[test]
fn no_output_of_the_program_shows_a_password() {
    let database = TestDatabase::new();
    let (url, role) = with_password(&database);
    let wrong = url.replace(PASSWORD, &format!("{PASSWORD}x"));
    let (place, name) =
        (url.rsplit_once('@').unwrap().1.to_owned(), url.rsplit_once('/').unwrap().1.to_owned());
    let folder = crate::embedded::Scratch::new();
    let file = folder.path().join("pgpass");
    std::fs::write(&file, format!("*:*:*:*:{PASSWORD}x\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let bare = format!("postgres://{role}@{place}");
    let address = place.split('/').next().unwrap();
    let (host, port) = address.split_once(':').unwrap_or((address, "5432"));
    for url in [
        url.clone(),
        wrong.clone(),
        bare.clone(),
        format!("postgres://{address}/{name}?user={role}&password={PASSWORD}x"),
        format!("host={host} port={port} user={role} password='{PASSWORD}x'"),
        format!("host={host} port={port} user={role} password = {PASSWORD}x oops"),
        format!("postgres://{role}:{PASSWORD}@{address}/no_such_database"),
        format!("postgres://nobody:{PASSWORD}@{place}"),
        format!("postgres://{role}:{PASSWORD}@127.0.0.1:1/a"),
        format!("postgres://{role}:{PASSWORD}@no-such-host.invalid/a"),
        format!("postgres://{role}:{PASSWORD}@{place}?sslmode=verify-full"),
        format!("postgres://{role}:{PASSWORD}@[::1/{name}"),
        format!("http://{role}:{PASSWORD}@{place}"),
    ] {
        for arguments in [&["status"][..], &["jobs", "list", "--json"], &["migrate"], &["status", "--help"]] {
            for (variable, value) in
                [("PGPASSWORD", format!("{PASSWORD}x")), ("PGPASSFILE", file.display().to_string())]
            {
                let mut command = program(arguments);
                command.env("DATABASE_URL", &url).env("RUST_LOG", "trace").env(variable, value);
                assert_silent(&format!("{arguments:?} on {url}"), &text_of(command.output().unwrap()));
            }
        }
        assert_silent("an argument in the wrong place", &text_of(on(&database, &["status", &url])));
    }
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    database.connection().batch_execute(&drop).unwrap();
}
