//! The name of the schema that holds Mainspring's tables and functions, and the one rule by which SQL that is written for
//! the schema `mainspring` becomes SQL for another. Knows no database.

pub(crate) mod tokens;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use self::tokens::{first_token, is_name};
use crate::error::{Problem, StoreError};

/// The name that all SQL of the crate is written for.
const DEFAULT_NAME: &str = "mainspring";

/// The settings of a session that Mainspring reads. Their names begin with `mainspring.` whatever the schema is called.
const SETTINGS: [&str; 4] = ["origin", "max_payload_bytes", "tasks_looked_up", "trace_context"];

/// PostgreSQL cuts longer names.
const MAX_BYTES: usize = 63;

/// A schema's name. Several schemas in one database hold schedulers that know nothing of each other.
///
/// The default is `mainspring`. A clone is cheap.
///
/// ```
/// use mainspring::Schema;
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let schema = Schema::new("Billing Jobs")?;
/// assert_eq!(schema.name(), "Billing Jobs");
/// assert_eq!(schema.rewrite("SELECT count(*) FROM mainspring.jobs"), r#"SELECT count(*) FROM "Billing Jobs".jobs"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Schema(Option<Arc<Names>>);

#[derive(PartialEq, Eq, Hash)]
struct Names {
    name: String,
    /// As it stands in SQL.
    in_code: String,
    /// As it stands inside a literal.
    in_literal: String,
}

impl Schema {
    /// The schema `mainspring`.
    pub(crate) const DEFAULT: Self = Self(None);

    /// Names a schema, which need not exist yet. The name is taken as it is, so `Billing` and `billing` are two schemas.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the name is empty, longer than 63 bytes, begins with `pg_`, or has a control character
    /// or one of `$ % { } \`.
    pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        if let Some(problem) = problem_of(&name) {
            return Err(problem.into());
        }
        if name == DEFAULT_NAME {
            return Ok(Self::DEFAULT);
        }
        let in_code = quoted(&name);
        let in_literal = in_code.replace('\'', "''");
        Ok(Self(Some(Arc::new(Names { name, in_code, in_literal }))))
    }

    /// The name, without quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or(DEFAULT_NAME, |names| &names.name)
    }

    /// SQL that is written for the schema `mainspring`, for this schema.
    ///
    /// - Outside literals the word `mainspring` is the schema.
    /// - In a literal it is the schema before a dot that no blank follows, behind the word `SCHEMA`, and where the literal is cast to `regnamespace`.
    /// - Before the name of a setting (`mainspring.origin`, `mainspring.max_payload_bytes`) it stays.
    /// - Comments and quoted identifiers stay. A body between dollar signs is SQL like any other.
    #[must_use]
    pub fn rewrite<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        match &self.0 {
            None => Cow::Borrowed(sql),
            Some(names) => {
                let mut written = String::with_capacity(sql.len() + sql.len() / 4);
                names.write_code(sql, &mut written);
                Cow::Owned(written)
            }
        }
    }
}

/// A name as SQL has it between double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names in the schema that SQL written for `mainspring` mentions outside literals.
pub(crate) fn mentioned(mut sql: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    while !sql.is_empty() {
        let token = first_token(sql);
        sql = &sql[token.len()..];
        if token == DEFAULT_NAME && !is_setting(sql) {
            names.extend(sql.strip_prefix('.').map(first_token).filter(|name| name.starts_with(is_name)));
        }
    }
    names
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.name()).finish()
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn problem_of(name: &str) -> Option<Problem> {
    let bytes = name.len();
    if !(1..=MAX_BYTES).contains(&bytes) {
        return Some(Problem::new("schema", format!("must have 1 to {MAX_BYTES} bytes"), bytes));
    }
    if name.starts_with("pg_") {
        return Some(Problem::new("schema", "must not begin with `pg_`", format_args!("`{name}`")));
    }
    // The others have a meaning of their own where the name may come to stand: in bodies, format() and our own texts.
    let bad = name.chars().find(|letter| letter.is_control() || "$%{}\\".contains(*letter))?;
    let expected = format!("must not contain the character {bad:?}");
    Some(Problem::new("schema", expected, format_args!("{name:?}")))
}

impl Names {
    fn write_code(&self, mut sql: &str, written: &mut String) {
        let mut before = "";
        while !sql.is_empty() {
            let token = first_token(sql);
            sql = &sql[token.len()..];
            match token.as_bytes()[0] {
                b'\'' => self.write_literal(token, sql, written),
                b'$' if token.len() > 1 => self.write_body(token, written),
                _ if token == DEFAULT_NAME && before != "." && !is_setting(sql) => {
                    written.push_str(&self.in_code);
                }
                _ => written.push_str(token),
            }
            before = token;
        }
    }

    // `$tag$ .. $tag$`
    fn write_body(&self, token: &str, written: &mut String) {
        let tag = token[1..].find('$').map_or(token.len(), |at| at + 2);
        let end = token.len().saturating_sub(tag).max(tag);
        written.push_str(&token[..tag]);
        self.write_code(&token[tag..end], written);
        written.push_str(&token[end..]);
    }

    fn write_literal(&self, literal: &str, behind: &str, written: &mut String) {
        let mut rest = literal;
        while let Some(at) = rest.find(DEFAULT_NAME) {
            let (before, after) = (&rest[..at], &rest[at + DEFAULT_NAME.len()..]);
            written.push_str(before);
            let is_word =
                !before.ends_with(|letter| is_name(letter) || letter == '.') && !after.starts_with(is_name);
            let is_schema = after.starts_with('.') && !after.starts_with(". ") && !is_setting(after)
                || before.ends_with("SCHEMA ")
                || (before == "'" && after == "'" && behind.starts_with("::regnamespace"));
            written.push_str(if is_word && is_schema { &self.in_literal } else { DEFAULT_NAME });
            rest = after;
        }
        written.push_str(rest);
    }
}

// Whether the text goes on with a dot and the name of a setting.
fn is_setting(rest: &str) -> bool {
    let Some(name) = rest.strip_prefix('.') else { return false };
    SETTINGS.iter().any(|setting| name.strip_prefix(setting).is_some_and(|end| !end.starts_with(is_name)))
}

#[cfg(test)]
mod tests;
