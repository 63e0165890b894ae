//! Whether the objects of the schema are as a migration has left them, and whether roles have what their grants mean.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts, command, finding, in_schema, sql};
use super::code::Code;
use super::finding::{Finding, Options, Report};
use super::looked;
use crate::error::StoreError;
use crate::schema::quoted;
use crate::store::migrate::installed::{Difference, differences, is_comparable};
use crate::store::session::Session;

/// Adds what was changed or dropped since the last migration, and what is switched off.
pub(super) fn examine(session: &mut Session<'_>, report: &mut Report) -> Result<(), StoreError> {
    match looked(session, |session| {
        // The catalogue is read whole, so no index helps.
        session.run("SET LOCAL enable_hashjoin = on")?;
        if is_comparable(session)? { Ok(Some(differences(session)?)) } else { Ok(None) }
    })? {
        Ok(Some(found)) => add_differences(session, report, &found),
        Ok(None) => {
            let reason =
                "needs a record made on this version of the server: run `mainspring migrate --repair`";
            report.skip(Code::DefinitionsChanged, &in_schema(session.schema(), reason));
        }
        Err(_) => report.skip(Code::DefinitionsChanged, "needs the rights of grant_read"),
    }
    super::run(session, report, &Options::new(), CHECKS)
}

// Names in a finding; the rest is counted.
const NAMED: usize = 5;

fn add_differences(session: &Session<'_>, report: &mut Report, found: &[Difference]) {
    let schema = session.schema();
    let (code, objects): (Vec<_>, Vec<_>) =
        found.iter().partition(|one| ["function", "view", "trigger"].contains(&one.kind.as_str()));
    // Functions may name an index, so that one is made first.
    let table = |name: &str| format!("{}.{}", identifier(schema.name()), identifier(name));
    report.findings.extend(objects.into_iter().map(|one| object(one, &table)));
    if !code.is_empty() {
        let mut names: Vec<String> = code.iter().take(NAMED).map(|one| described(one)).collect();
        let more = code.len() - names.len();
        names.extend((more > 0).then(|| format!("{more} more")));
        let expected = "functions, views and triggers as this release installs them";
        let harm = "jobs may be lost, run twice or not at all: the program relies on what these do";
        let cure = command(schema, &["migrate", "--repair"]);
        report.findings.push(finding(Code::DefinitionsChanged, names.join("; "), expected, harm, cure));
    }
}

fn described(one: &Difference) -> String {
    let what = match one.found {
        Some(_) => "was changed",
        None => "is missing",
    };
    let Difference { kind, relation, name, .. } = one;
    match kind.as_str() {
        "function" | "view" => format!("the {kind} {name} {what}"),
        "type" | "not null" | "default" => format!("the {kind} of the column {relation}.{name} {what}"),
        _ => format!("the {kind} {name} of the table {relation} {what}"),
    }
}

fn object(one: &Difference, table: &dyn Fn(&str) -> String) -> Finding {
    let found = match &one.found {
        Some(found) => format!("{}: {found}", described(one)),
        None => described(one),
    };
    let (code, harm) = match one.kind.as_str() {
        "index" => {
            (Code::IndexMissing, "claims, admissions or rescues read the whole table instead of a few rows")
        }
        "constraint" => {
            (Code::ConstraintChanged, "rows can be stored that no statement of the program expects")
        }
        _ => (Code::ColumnChanged, "statements fail, or store other values than the program expects"),
    };
    finding(code, found, &one.installed, harm, sql(&cure(one, &table(&one.relation), table)))
}

fn cure(one: &Difference, relation: &str, table: &dyn Fn(&str) -> String) -> Vec<String> {
    let (name, installed) = (identifier(&one.name), &one.installed);
    let column = format!("ALTER TABLE {relation} ALTER COLUMN {name}");
    match (one.kind.as_str(), &one.found) {
        ("index", found) => {
            // The index of a partitioned table cannot be made beside writers, and its definition leaves out the partitions.
            let beside = if installed.contains(" ON ONLY ") { "INDEX" } else { "INDEX CONCURRENTLY" };
            let drop = found.as_ref().map(|_| format!("DROP {beside} {}", table(&one.name)));
            let create = installed.replacen("INDEX", beside, 1).replacen(" ON ONLY ", " ON ", 1);
            drop.into_iter().chain([create]).collect()
        }
        ("constraint", found) => {
            let drop = found.as_ref().map(|_| format!("ALTER TABLE {relation} DROP CONSTRAINT {name}"));
            drop.into_iter()
                .chain([format!("ALTER TABLE {relation} ADD CONSTRAINT {name} {installed}")])
                .collect()
        }
        ("type", None) => vec![format!("ALTER TABLE {relation} ADD COLUMN {name} {installed}")],
        ("type", Some(_)) => vec![format!("{column} TYPE {installed}")],
        ("not null", _) => vec![format!("{column} SET NOT NULL")],
        _ => vec![format!("{column} SET DEFAULT {installed}")],
    }
}

fn identifier(name: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(is_plain)
    {
        return Cow::Borrowed(name);
    }
    Cow::Owned(quoted(name))
}

const CHECKS: &[Check] = &[
    Check {
        code: Code::IndexInvalid,
        needs: Needs::Nothing,
        expected: "an index that the server uses and keeps",
        harm: "the index costs writes and serves no read, as after a CREATE INDEX CONCURRENTLY that failed",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the index %s is invalid', c.relname), \
                 ARRAY[format('REINDEX INDEX CONCURRENTLY %s', i.indexrelid::regclass)] \
             FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid \
             WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'i' \
                 AND NOT (i.indisvalid AND i.indisready) LIMIT 20",
        ),
    },
    Check {
        code: Code::TriggerDisabled,
        needs: Needs::Nothing,
        expected: "a trigger that fires for every change of a session",
        harm: "processes do not learn of pauses, limits and schedules that were changed, until they poll",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the trigger %s of the table %s is disabled', t.tgname, c.relname), \
                 ARRAY[format('ALTER TABLE %s ENABLE TRIGGER %I', t.tgrelid::regclass, t.tgname)] \
             FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid \
             WHERE c.relnamespace = 'mainspring'::regnamespace AND p.pronamespace = c.relnamespace \
                 AND NOT t.tgisinternal AND t.tgenabled IN ('D', 'R') LIMIT 20",
        ),
    },
    Check {
        code: Code::TableUnlogged,
        needs: Needs::Nothing,
        expected: "a table that is logged",
        harm: "a crash of the server empties the table, and no standby has it",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the table %s is unlogged', c.relname), \
                 ARRAY[format('ALTER TABLE %s SET LOGGED', c.oid::regclass)] \
             FROM pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'r' \
                 AND c.relpersistence = 'u' LIMIT 20",
        ),
    },
    Check {
        code: Code::GrantsIncomplete,
        needs: Needs::Nothing,
        expected: "all that the grant gives in this release",
        harm: "statements of this role are refused; an upgrade adds objects and grants nothing",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(include_str!("grants.sql")),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_described_and_cured_by_its_kind() {
        let found = |kind: &str, found: Option<&str>, installed: &str| {
            let (relation, name) = ("jobs".to_owned(), "Own".to_owned());
            let found = found.map(str::to_owned);
            let one = Difference { kind: kind.into(), relation, name, installed: installed.into(), found };
            let finding = object(&one, &|name| format!("s.{}", identifier(name)));
            (finding.found, finding.cure.text)
        };
        let (text, cure) = found("index", Some("CREATE INDEX b"), "CREATE UNIQUE INDEX a");
        assert_eq!(text, "the index Own of the table jobs was changed: CREATE INDEX b");
        assert_eq!(cure, "DROP INDEX CONCURRENTLY s.\"Own\";\nCREATE UNIQUE INDEX CONCURRENTLY a;");
        let (text, cure) = found("not null", None, "NOT NULL");
        assert_eq!(text, "the not null of the column jobs.Own is missing");
        assert_eq!(cure, "ALTER TABLE s.jobs ALTER COLUMN \"Own\" SET NOT NULL;");
        assert_eq!(found("type", None, "text").1, "ALTER TABLE s.jobs ADD COLUMN \"Own\" text;");
    }
}
