use std::fs;
use std::path::Path;

use super::{SETTINGS, Schema, mentioned};

fn schema(name: &str) -> Schema {
    Schema::new(name).expect("a good name")
}

#[test]
fn names_that_sql_could_not_carry_are_refused() {
    for bad in ["", "pg_jobs", "a\0b", "a\nb", "a$b", "a%b", "a{}", "a\\b", &"x".repeat(64), &"ä".repeat(32)]
    {
        assert!(Schema::new(bad).is_err(), "{bad:?}");
    }
    for good in ["a", "Billing Jobs", "it's", "say \"hi\"", "a.b", "select", "pgx", &"ä".repeat(31)] {
        assert_eq!(schema(good).name(), good);
    }
}

#[test]
fn the_default_changes_no_text() {
    let sql = "SELECT * FROM mainspring.jobs";
    assert_eq!(Schema::default().rewrite(sql), sql);
    assert_eq!(schema("mainspring"), Schema::default());
}

#[test]
fn the_word_is_the_schema_in_code_and_before_a_dot_in_literals() {
    for (sql, expected) in [
        ("SELECT mainspring.now() FROM mainspring.jobs", "SELECT <N>.now() FROM <N>.jobs"),
        ("CREATE SCHEMA mainspring; LISTEN mainspring", "CREATE SCHEMA <N>; LISTEN <N>"),
        ("nextval('mainspring.jobs_id_seq')", "nextval('<L>.jobs_id_seq')"),
        ("format('DROP TABLE mainspring.%I', a)", "format('DROP TABLE <L>.%I', a)"),
        ("to_regclass('mainspring.' || a)", "to_regclass('<L>.' || a)"),
        ("'a mainspring.b, mainspring.c TO %I'", "'a <L>.b, <L>.c TO %I'"),
        ("'GRANT USAGE ON SCHEMA mainspring TO %I'", "'GRANT USAGE ON SCHEMA <L> TO %I'"),
        ("n = 'mainspring'::regnamespace", "n = '<L>'::regnamespace"),
        ("AS $a$ SELECT mainspring.b('mainspring.c') $a$", "AS $a$ SELECT <N>.b('<L>.c') $a$"),
        ("AS $$ -- it's\nSELECT mainspring.b $$", "AS $$ -- it's\nSELECT <N>.b $$"),
        ("x::mainspring.jobs[], ({}::mainspring.job_spec)", "x::<N>.jobs[], ({}::<N>.job_spec)"),
    ] {
        let expected = expected.replace("<N>", "\"it's \"\"x\"\"\"").replace("<L>", "\"it''s \"\"x\"\"\"");
        assert_eq!(schema("it's \"x\"").rewrite(sql), expected);
    }
}

#[test]
fn settings_comments_and_other_words_stay() {
    for sql in [
        "SET mainspring.origin = '1'",
        "current_setting('mainspring.origin', true), current_setting('mainspring.max_payload_bytes')",
        "-- mainspring.jobs\n/* mainspring.jobs */ SELECT 1",
        "SELECT \"mainspring\".a, a.mainspring, mainspring_test.b, my_mainspring.c, 'my_mainspring.c'",
        "application_name = 'mainspring'",
        "'run `mainspring migrate`', 'the schema mainspring. Then'",
    ] {
        assert_eq!(schema("other").rewrite(sql), sql);
    }
    assert_eq!(schema("other").rewrite("mainspring.origin_of(1)"), "\"other\".origin_of(1)");
}

#[test]
fn the_names_that_a_statement_mentions_are_found_once_each() {
    let sql = "SELECT mainspring.now(), 'mainspring.a' FROM mainspring.jobs, mainspring.jobs WHERE mainspring.origin";
    assert_eq!(mentioned(sql).into_iter().collect::<Vec<_>>(), ["jobs", "now"]);
}

// The rule knows no literal in which a backslash escapes, and none inside another literal.
#[test]
fn all_sql_of_the_crate_keeps_to_what_the_rule_knows() {
    let mut checked = 0;
    for folder in ["sql", "migrations"] {
        for (name, text) in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            checked += 1;
            let code: String = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
            for bad in ["E'mainspring", "''mainspring", "\"mainspring\""] {
                assert!(!code.contains(bad), "{name}: {bad}");
            }
            let rewritten = schema("other").rewrite(&text).into_owned();
            let code = rewritten.lines().map(|line| line.split("--").next().unwrap_or_default());
            for rest in code.flat_map(|line| line.split("mainspring").skip(1)) {
                let is_setting = SETTINGS.iter().any(|setting| rest.starts_with(&format!(".{setting}")));
                let is_default = name.ends_with("lock_class.sql") && rest.starts_with('\'');
                // The identifier of a refusal is the same in every schema.
                let is_refusal = rest.starts_with("_refused'") || rest.starts_with("_taken'");
                assert!(is_setting || is_default || is_refusal, "{name} keeps the name: mainspring{rest}");
            }
        }
    }
    assert!(checked > 50, "{checked} files");
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let read = |path: &Path| (path.display().to_string(), fs::read_to_string(path).expect("a text"));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![read(&path)] }).collect()
}
