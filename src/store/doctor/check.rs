//! One check: a query, and what its rows mean. A row is a finding: what was found, and the parts of its cure. Knows no table.

use std::borrow::Cow;

use diesel::sql_types::{Array, Double, Nullable, Text};

use super::code::Code;
use super::finding::{By, Cure, Finding, Options};
use crate::error::StoreError;
use crate::schema::Schema;
use crate::store::session::Session;
use crate::store::statement::Statement;

/// What a role needs for a check, beyond the right to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// To see what sessions of other roles do.
    Monitor,
    /// To read the tables of the schema, which fits this program.
    Reading,
    /// To read the sequences too.
    Sequences,
}

/// What the parts of a cure are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parts {
    /// Statements.
    Sql,
    /// The arguments of the program.
    Arguments,
}

pub(super) struct Check {
    pub(super) code: Code,
    pub(super) needs: Needs,
    pub(super) expected: &'static str,
    pub(super) harm: &'static str,
    pub(super) parts: Parts,
    /// What a person does where a row has no cure.
    pub(super) by_hand: &'static str,
    /// The columns are a text, and an array of texts or NULL. `{}` stands for the seconds of the longest transaction.
    pub(super) query: Cow<'static, str>,
}

impl Check {
    /// Runs the query, and returns a finding for each row.
    pub(super) fn run(
        &self,
        session: &mut Session<'_>,
        options: &Options,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut statement = Statement::<(Text, Nullable<Array<Text>>)>::new(&*self.query);
        if self.query.contains("{}") {
            statement = statement.bind::<Double, _>(options.longest_transaction.as_secs_f64());
        }
        let rows: Vec<(String, Option<Vec<String>>)> = statement.load(session)?;
        let schema = session.schema();
        Ok(rows.into_iter().map(|(found, cure)| self.finding(schema, found, cure)).collect())
    }

    fn finding(&self, schema: &Schema, found: String, parts: Option<Vec<String>>) -> Finding {
        let cure = match (parts, self.parts) {
            (None, _) => by_hand(&in_schema(schema, self.by_hand)),
            (Some(statements), Parts::Sql) => sql(&statements),
            (Some(arguments), Parts::Arguments) => {
                command(schema, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        finding(self.code, found, self.expected, self.harm, cure)
    }
}

pub(super) fn finding(code: Code, found: String, expected: &str, harm: &str, cure: Cure) -> Finding {
    let (expected, harm) = (expected.to_owned(), harm.to_owned());
    Finding { code, severity: code.severity(), found, expected, harm, cure }
}

pub(super) fn by_hand(text: &str) -> Cure {
    Cure { by: By::Hand, text: text.to_owned() }
}

/// A statement a line: some do not run in a transaction, and a line is sent alone.
pub(super) fn sql(statements: &[String]) -> Cure {
    let lines: Vec<String> = statements.iter().map(|statement| format!("{statement};")).collect();
    Cure { by: By::Sql, text: lines.join("\n") }
}

/// A command of the program, in this schema.
pub(super) fn command(schema: &Schema, arguments: &[&str]) -> Cure {
    let words = program(schema).into_iter().chain(arguments.iter().copied());
    Cure { by: By::Command, text: joined(words) }
}

/// A sentence whose commands of the program are for this schema.
pub(super) fn in_schema(schema: &Schema, sentence: &str) -> String {
    sentence.replace("`mainspring ", &format!("`{} ", joined(program(schema))))
}

// The program, with the option that names the schema where it is not the usual one.
fn program(schema: &Schema) -> Vec<&str> {
    let mut words = vec!["mainspring"];
    if *schema != Schema::DEFAULT {
        words.extend(["--schema", schema.name()]);
    }
    words
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

// For a shell. A name that begins with a dash stays behind the `--` that its command puts before it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_for_a_shell_and_names_another_schema() {
        let billing = Schema::new("Billing Jobs").unwrap();
        assert_eq!(command(&Schema::DEFAULT, &["resume", "--all"]).text, "mainspring resume --all");
        let arguments = ["queues", "resume", "--", "it's; rm $x"];
        let meant = r"mainspring --schema 'Billing Jobs' queues resume -- 'it'\''s; rm $x'";
        assert_eq!(command(&billing, &arguments).text, meant);
        let sentence =
            "look at `mainspring jobs list`, then at `mainspring explain ID` and the log of mainspring";
        assert_eq!(in_schema(&Schema::DEFAULT, sentence), sentence);
        let meant = sentence.replace("`mainspring", "`mainspring --schema 'Billing Jobs'");
        assert_eq!(in_schema(&billing, sentence), meant);
        assert_eq!(quoted(""), "''");
    }
}
