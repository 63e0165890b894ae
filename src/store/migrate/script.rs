//! Runs a script of SQL one statement at a time. Knows comments, quotes and bodies of functions, and nothing of what a
//! statement means.

use diesel::sql_types::{Bool, Text};

use crate::error::StoreError;
use crate::schema::tokens::first_token;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Runs a script one statement at a time: some poolers and Citus take no more.
pub(super) fn run(conn: &mut impl AsSession, name: &str, script: &str) -> Result<(), StoreError> {
    let schema = conn.as_session().schema().to_string();
    for statement in statements(script) {
        conn.as_session()
            .run(statement)
            .map_err(|error| StoreError::Migration(format!("{schema}: {name}: {error}")))?;
    }
    Ok(())
}

/// Returns `true` if the table, or the function with `()`, exists.
pub(super) fn exists(conn: &mut impl AsSession, name: &str) -> Result<bool, StoreError> {
    let lookup = if name.ends_with("()") { "to_regprocedure" } else { "to_regclass" };
    let found = Statement::<(Bool,)>::new(format!("SELECT {lookup}({{}}) IS NOT NULL"));
    let name = conn.as_session().schema().rewrite(name).into_owned();
    Ok(found.bind::<Text, _>(name).get_result::<(bool,)>(conn)?.0)
}

/// The statements of the script, each with the comments before it and without its semicolon.
pub(super) fn statements(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    // How many END are still to come in a body that begins with BEGIN ATOMIC.
    let mut open_blocks = 0_usize;
    let mut is_empty = true;
    while at < script.len() {
        let token = first_token(&script[at..]);
        at += token.len();
        match token.to_ascii_uppercase().as_str() {
            ";" if open_blocks == 0 => {
                found.extend((!is_empty).then(|| script[start..at - 1].trim()));
                (start, is_empty) = (at, true);
                continue;
            }
            "ATOMIC" => open_blocks = 1,
            "CASE" if open_blocks > 0 => open_blocks += 1,
            "END" if open_blocks > 0 => open_blocks -= 1,
            _ => {}
        }
        is_empty &= is_blank(token);
    }
    found.extend((!is_empty).then(|| script[start..].trim()));
    found
}

fn is_blank(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*") || token.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::statements;

    #[test]
    fn statements_end_at_semicolons_and_comments_alone_are_none() {
        assert_eq!(statements("SELECT 1;\n-- a; b\nSELECT 2 ;; "), ["SELECT 1", "-- a; b\nSELECT 2"]);
        assert_eq!(statements("/* a /* ; */ b; */ SELECT 1"), ["/* a /* ; */ b; */ SELECT 1"]);
        assert!(statements(" -- nothing;\n/* ; */\n").is_empty());
    }

    #[test]
    fn a_semicolon_in_quotes_ends_nothing() {
        for text in
            ["SELECT ';', 'it''s;'", r"SELECT E'\';'", "SELECT 1 AS \"a;b\"", "SELECT 'ä;' || E'ö\\\\'"]
        {
            assert_eq!(statements(&format!("{text};{text};")), [text, text]);
        }
    }

    #[test]
    fn a_body_belongs_to_its_function() {
        for text in [
            "DO $$ BEGIN NULL; END $$",
            "DO $a$ BEGIN PERFORM $$;$$; END $a$",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "PREPARE p AS SELECT $1, a$b",
        ] {
            assert_eq!(statements(&format!("{text};\nSELECT 1;")), [text, "SELECT 1"]);
        }
    }

    #[test]
    fn what_is_not_closed_goes_to_the_end() {
        for text in ["SELECT ';", "SELECT $$;", "SELECT 1 /* ;", "SELECT \"a;", "SELECT E';"] {
            assert_eq!(statements(text), [text]);
        }
    }
}
