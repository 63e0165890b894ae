//! `mainspring doctor`: its exit code counts the findings, and its output has their cures.

use mainspring::Schema;
use serde_json::Value;

use super::broken;
use crate::cli::{on, program};
use crate::support::database::TestDatabase;

// The server of the tests may have settings of its own that are findings.
fn found(database: &TestDatabase) -> (i32, Value) {
    let output = on(database, &["doctor", "--json"]);
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_exit_code_counts_the_findings_without_those_of_the_severity_info() {
    let database = TestDatabase::new();
    let (before, _) = found(&database);
    let database = broken("DROP INDEX mainspring.jobs_dead; ALTER TABLE mainspring.stats SET UNLOGGED");
    let (code, json) = found(&database);
    assert_eq!((code, &json["count"]), (before + 2, &Value::from(code)));
    let counted = json["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "info");
    assert_eq!(counted.count(), usize::try_from(code).unwrap());
    let errors = String::from_utf8(on(&database, &["doctor"]).stderr).unwrap();
    assert_eq!(errors, format!("mainspring: {code} findings\n"));
}

#[test]
fn more_than_a_hundred_findings_count_as_a_hundred() {
    let database = broken(
        "ALTER TABLE mainspring.jobs ALTER COLUMN task DROP NOT NULL, ALTER COLUMN run_at DROP NOT NULL, \
             ALTER COLUMN state DROP NOT NULL, ALTER COLUMN payload DROP NOT NULL; DO $$ DECLARE c record; BEGIN \
         FOR c IN SELECT conrelid::regclass AS r, conname FROM pg_constraint WHERE connamespace = 'mainspring'::regnamespace \
             AND contype = 'c' AND conislocal AND coninhcount = 0 LOOP \
             EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.r, c.conname); END LOOP; \
         FOR c IN SELECT attrelid::regclass AS r, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
             WHERE relnamespace = 'mainspring'::regnamespace AND relkind = 'r' AND NOT relispartition AND attnum > 0 \
                 AND atthasdef AND attidentity = '' AND NOT attisdropped LOOP \
             EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', c.r, c.attname); END LOOP; END $$",
    );
    let (code, json) = found(&database);
    assert!(code == 100 && json["count"].as_u64().unwrap() > 100, "{code}: {}", json["count"]);
}

#[test]
fn the_text_has_each_finding_with_its_cure_on_lines_of_its_own() {
    let database = broken("ALTER TABLE mainspring.stats SET UNLOGGED");
    let text = String::from_utf8(on(&database, &["doctor"]).stdout).unwrap();
    let finding = "error table_unlogged: the table stats is unlogged\n  expected: a table that is logged\n  harm: a crash of \
        the server empties the table, and no standby has it\n  cure, by SQL:\n    ";
    let finding =
        format!("{finding}{};\n", Schema::default().rewrite("ALTER TABLE mainspring.stats SET LOGGED"));
    assert!(text.contains(&finding), "{text}");
}

#[test]
fn what_could_not_be_examined_at_all_has_an_exit_code_of_its_own() {
    let nowhere = ["--database-url", "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"];
    for arguments in
        [&["doctor", nowhere[0], nowhere[1]][..], &["doctor"], &["doctor", "--longest"], &["doctor", "x"]]
    {
        let output = program(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(125), 1), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(program(&["status", "--longest"]).output().unwrap().status.code(), Some(2));
}
