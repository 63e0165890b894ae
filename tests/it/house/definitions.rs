//! The functions and views of `sql/` can be read one by one: one a file under its name, short, and explained first.

use super::expect_none;
use super::files::{File, files_in};

const MAX_LINES: usize = 40;

#[test]
fn each_file_of_sql_explains_and_holds_one_short_definition() {
    let files = files_in(&["sql"], "sql");
    assert!(files.len() > 80, "only {} files found", files.len());
    expect_none(files.iter().flat_map(faults).collect());
}

#[test]
fn faults_of_a_definition_are_found() {
    let body = "    NULL;\n".repeat(36);
    let good = format!(
        "-- Returns a.\n--\n-- More of it.\nCREATE OR REPLACE FUNCTION mainspring.a(b int)\nAS $$\nBEGIN\n{body}END $$;\n\
         CREATE OR REPLACE TRIGGER t\n    EXECUTE FUNCTION mainspring.a();\n"
    );
    let found = |name: &str, text: &str| faults(&File::new(name, text)).len();
    assert_eq!(found("sql/a.sql", &good), 0);
    assert_eq!(found("sql/a.sql", &good.replace("BEGIN\n", "BEGIN\n    NULL;\n")), 1);
    assert_eq!(found("sql/b.sql", &good), 1);
    assert_eq!(found("sql/a.sql", &good.replace("-- Returns a.", "-- What is a.")), 1);
    assert_eq!(found("sql/a.sql", good.strip_prefix("-- Returns a.\n--\n-- More of it.\n").unwrap()), 1);
    assert_eq!(found("sql/a.sql", &good.replace("TRIGGER t", "VIEW mainspring.t")), 1);
}

fn faults(file: &File) -> Vec<String> {
    let begins: Vec<_> = file.text.match_indices("CREATE OR REPLACE ").map(|(at, _)| at).collect();
    let parts = begins.iter().enumerate();
    let statements =
        parts.map(|(n, &at)| &file.text[at..begins.get(n + 1).copied().unwrap_or(file.text.len())]);
    let definitions: Vec<&str> =
        statements.filter(|text| !text.starts_with("CREATE OR REPLACE TRIGGER")).collect();
    let [definition] = definitions[..] else {
        return vec![format!("{}: holds {} definitions, not one", file.name, definitions.len())];
    };
    let lines = definition.trim_end().lines().count();
    let mut found = Vec::new();
    if definition.split([' ', '(', '\n']).nth(4).and_then(|name| name.strip_prefix("mainspring."))
        != name_of(file)
    {
        found.push("the file has another name");
    }
    if !is_explained(&file.text) {
        found.push("it does not begin with a comment in the third person, such as `Returns`");
    }
    if lines > MAX_LINES {
        found.push("it is too long");
    }
    found.into_iter().map(|fault| format!("{}: {fault}", file.name)).collect()
}

fn name_of(file: &File) -> Option<&str> {
    file.name.rsplit('/').next()?.strip_suffix(".sql")
}

fn is_explained(text: &str) -> bool {
    let first = text.strip_prefix("-- ").and_then(|comment| comment.split_whitespace().next());
    first.is_some_and(|word| word.starts_with(char::is_uppercase) && word.ends_with('s'))
}

// The estimate of a table that has no index to be read by is then so high that the server compiles the statement, for hundreds
// of milliseconds.
#[test]
fn what_forbids_a_sequential_scan_forbids_compilation_too() {
    let forbids = |file: &File, what: &str| file.text.contains(&format!("SET {what} = off\n"));
    let files = files_in(&["sql"], "sql");
    let careful: Vec<_> = files.iter().filter(|file| forbids(file, "enable_seqscan")).collect();
    assert!(careful.len() > 50, "only {} functions found", careful.len());
    let compiled = careful.into_iter().filter(|file| !forbids(file, "jit"));
    expect_none(compiled.map(|file| format!("{}: has no `SET jit = off`", file.name)).collect());
}

// Who lives is decided in one place. `line_goes_on` looks at something narrower: beats without a gap.
#[test]
fn only_one_function_decides_whether_a_worker_lives() {
    let files = files_in(&["sql", "src/store"], "sql").into_iter().chain(super::files::sources());
    let repeats = files.filter(|file| {
        let decides = ["sql/tasks/is_alive.sql", "sql/schedules/line_goes_on.sql"];
        !decides.contains(&file.name.as_str())
            && !file.is_test()
            && file.text.contains("heartbeat_at >")
            && file.text.contains("least(w.timeout")
            && !file.name.starts_with("src/store/presence")
    });
    expect_none(repeats.map(|file| format!("{}: call mainspring.is_alive", file.name)).collect());
}
