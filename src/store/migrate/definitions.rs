//! Installs the functions, views and triggers in sql/, one file each. Knows no tables and no jobs.
//!
//! - A file defines the function or view of its name, and the triggers that call it. It uses `CREATE OR REPLACE`.
//! - The build lists the files so that each comes after those that it mentions.
//! - When any file has changed, all are replaced in place. What depends on them, and who may use them, stays.
//! - Where a signature or a column has changed that is impossible. Then all are dropped and created again, and the grants
//!   are repeated. This fails when the host application's own views or functions depend on one of them.
//! - The files in sql/base/ are created before the tables, whose constraints and defaults call them. They are only ever
//!   replaced in place, so their signatures never change.
//! - A release never replaces what a newer release has installed.

use std::collections::HashSet;

use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};

use super::files::{DEFINITIONS, Definition, Phase};
use super::script::{exists, run};
use crate::error::StoreError;
use crate::schema::Schema;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// What is installed, and by which release.
pub(super) struct Installed {
    files: HashSet<(String, String)>,
    /// What this release installs in the same schema.
    own: HashSet<(String, String)>,
    release: Vec<i32>,
}

impl Installed {
    pub(super) fn read(conn: &mut impl AsSession) -> Result<Self, StoreError> {
        let schema = conn.as_session().schema().clone();
        let own = DEFINITIONS.iter().map(|file| (file.name.to_owned(), hash_in(&schema, file))).collect();
        if !exists(conn, "mainspring.definitions")? {
            return Ok(Self { files: HashSet::new(), own, release: Vec::new() });
        }
        let rows: Vec<(String, String, Vec<i32>)> = Statement::<(Text, Text, Array<Integer>)>::new(
            "SELECT name, hash, release FROM mainspring.definitions",
        )
        .load(conn)?;
        let release = rows.iter().map(|row| row.2.clone()).max().unwrap_or_default();
        Ok(Self { files: rows.into_iter().map(|row| (row.0, row.1)).collect(), own, release })
    }

    /// Whether this release has other definitions, and none newer than this one has installed its own.
    pub(super) fn is_outdated(&self) -> bool {
        self.release <= release() && self.files != self.own
    }

    /// Refuses where a newer release than this one has installed its own definitions.
    pub(super) fn refuse_newer(&self, conn: &mut impl AsSession) -> Result<(), StoreError> {
        if self.release <= release() {
            return Ok(());
        }
        let (schema, release) = (conn.as_session().schema().to_string(), numbers(&self.release));
        Err(StoreError::Migration(format!(
            "{schema}: its functions are those of release {release}: use that program"
        )))
    }
}

fn numbers(release: &[i32]) -> String {
    release.iter().map(i32::to_string).collect::<Vec<_>>().join(".")
}

// The texts of functions name the schema. In a schema that was renamed or copied they are those of another one, so the
// name counts as a part of them.
fn hash_in(schema: &Schema, file: &Definition) -> String {
    match schema.name() {
        "mainspring" => file.hash.to_owned(),
        name => format!("{} in {name}", file.hash),
    }
}

fn release() -> Vec<i32> {
    let numbers =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    numbers.iter().filter_map(|number| number.parse().ok()).collect()
}

/// Creates or replaces the definitions that tables need.
pub(super) fn install_base(conn: &mut impl AsSession) -> Result<(), StoreError> {
    create(conn, Phase::BeforeTables)?;
    for Definition { name, .. } in DEFINITIONS.iter().filter(|file| file.phase == Phase::BeforeTables) {
        run(conn, name, &format!("REVOKE ALL ON FUNCTION mainspring.{name} FROM PUBLIC"))?;
    }
    Ok(())
}

/// Replaces all other definitions, and drops those whose files are gone.
pub(super) fn install(conn: &mut impl AsSession) -> Result<(), StoreError> {
    let grants = grants(conn)?;
    let before = functions(conn)?;
    execute_all(conn, TRIGGERS)?;
    if conn.as_session().transaction(|conn| replace_in_place(conn, &before)).is_err() {
        execute_all(conn, OBJECTS)?;
        create(conn, Phase::AfterTables)?;
    }
    revoke_from_public(conn, &before)?;
    grant_again(conn, grants)?;
    remember(conn)
}

fn create(conn: &mut impl AsSession, phase: Phase) -> Result<(), StoreError> {
    for file in DEFINITIONS.iter().filter(|file| file.phase == phase) {
        run(conn, file.name, file.text)?;
    }
    Ok(())
}

fn replace_in_place(conn: &mut impl AsSession, before: &[Function]) -> Result<(), StoreError> {
    create(conn, Phase::AfterTables)?;
    let after = functions(conn)?;
    // A changed list of arguments makes a second function of the same name.
    let is_new = |function: &&Function| before.iter().all(|other| other.oid != function.oid);
    let renewed: HashSet<&str> = after.iter().filter(is_new).map(|function| function.name.as_str()).collect();
    for function in before {
        if renewed.contains(function.name.as_str()) || !has_file(&function.name) {
            run(conn, &function.name, &format!("DROP FUNCTION {}", function.signature))?;
        }
    }
    for (name,) in Statement::<(Text,)>::new(VIEWS).load::<(String,)>(conn)? {
        if !has_file(&name) {
            run(conn, &name, &format!("DROP VIEW mainspring.\"{name}\""))?;
        }
    }
    Ok(())
}

fn has_file(name: &str) -> bool {
    DEFINITIONS.iter().any(|file| file.name == name)
}

struct Function {
    oid: i64,
    name: String,
    /// The name and the types of the arguments, as DROP takes them.
    signature: String,
}

// The functions that come from a file now, or did before.
fn functions(conn: &mut impl AsSession) -> Result<Vec<Function>, StoreError> {
    let names: Vec<&str> = DEFINITIONS.iter().map(|file| file.name).collect();
    let rows: Vec<(i64, String, String)> = Statement::<(BigInt, Text, Text)>::new(
        "SELECT p.oid::bigint, p.proname::text, p.oid::regprocedure::text FROM pg_proc AS p \
         WHERE p.pronamespace = 'mainspring'::regnamespace \
             AND (p.proname = ANY ({}) OR p.proname IN (SELECT d.name FROM mainspring.definitions AS d))",
    )
    .bind::<Array<Text>, _>(names)
    .load(conn)?;
    Ok(rows.into_iter().map(|(oid, name, signature)| Function { oid, name, signature }).collect())
}

const VIEWS: &str = "SELECT c.relname::text FROM pg_class AS c JOIN mainspring.definitions AS d ON d.name = c.relname \
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v'";

// Statements that drop every trigger of the definitions: there is no other way to notice one that is gone from its file.
const TRIGGERS: &str = "SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) \
    FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_class AS c ON c.oid = t.tgrelid \
    JOIN mainspring.definitions AS d ON d.name = p.proname \
    WHERE p.pronamespace = 'mainspring'::regnamespace AND c.relnamespace = p.pronamespace AND NOT t.tgisinternal";

// Statements that drop all definitions but those that tables need, the last created first.
const OBJECTS: &str = "SELECT o.dropping FROM ( \
        SELECT d.place, 'DROP FUNCTION ' || p.oid::regprocedure AS dropping \
        FROM mainspring.definitions AS d JOIN pg_proc AS p ON p.proname = d.name \
        WHERE p.pronamespace = 'mainspring'::regnamespace AND d.place > 0 \
        UNION ALL SELECT d.place, format('DROP VIEW mainspring.%I', c.relname) \
        FROM mainspring.definitions AS d JOIN pg_class AS c ON c.relname = d.name \
        WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v') AS o \
    ORDER BY o.place DESC";

fn execute_all(conn: &mut impl AsSession, query: &str) -> Result<(), StoreError> {
    for (statement,) in Statement::<(Text,)>::new(query).load::<(String,)>(conn)? {
        run(conn, "replacing functions and views", &statement)?;
    }
    Ok(())
}

// PostgreSQL lets everybody call a new function.
fn revoke_from_public(conn: &mut impl AsSession, before: &[Function]) -> Result<(), StoreError> {
    for function in
        functions(conn)?.iter().filter(|function| before.iter().all(|other| other.oid != function.oid))
    {
        run(conn, &function.name, &format!("REVOKE ALL ON FUNCTION {} FROM PUBLIC", function.signature))?;
    }
    Ok(())
}

/// A grant on a function, a view or one of its columns.
struct Grant {
    target: String,
    statement: String,
}

// Every grant on a definition to anybody but its owner.
const GRANTS: &str = "WITH grants AS ( \
        SELECT p.proname::text AS target, 'EXECUTE ON FUNCTION mainspring.' || quote_ident(p.proname) AS what, a.* \
        FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a \
        WHERE p.pronamespace = 'mainspring'::regnamespace AND a.grantee <> p.proowner \
        UNION ALL SELECT c.relname::text, a.privilege_type || ' ON mainspring.' || quote_ident(c.relname), a.* \
        FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a \
        WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v' AND a.grantee <> c.relowner \
        UNION ALL SELECT c.relname || '.' || f.attname, \
            format('%s (%I) ON mainspring.%I', a.privilege_type, f.attname, c.relname), a.* \
        FROM pg_class AS c JOIN pg_attribute AS f ON f.attrelid = c.oid \
        CROSS JOIN LATERAL aclexplode(f.attacl) AS a \
        WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v' AND a.grantee <> c.relowner) \
    SELECT g.target, format('GRANT %s TO %s%s', g.what, CASE WHEN g.grantee = 0 THEN 'PUBLIC' \
        ELSE quote_ident(pg_get_userbyid(g.grantee)) END, CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) \
    FROM grants AS g WHERE split_part(g.target, '.', 1) IN (SELECT d.name FROM mainspring.definitions AS d)";

fn grants(conn: &mut impl AsSession) -> Result<Vec<Grant>, StoreError> {
    let rows: Vec<(String, String)> = Statement::<(Text, Text)>::new(GRANTS).load(conn)?;
    Ok(rows.into_iter().map(|(target, statement)| Grant { target, statement }).collect())
}

// In place of those that were dropped; the others are there already, and nothing is left of what no longer exists.
fn grant_again(conn: &mut impl AsSession, grants: Vec<Grant>) -> Result<(), StoreError> {
    let exists = "SELECT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'mainspring'::regnamespace AND proname = {}) \
        OR EXISTS (SELECT FROM pg_class AS c JOIN pg_attribute AS f ON f.attrelid = c.oid \
            WHERE c.relnamespace = 'mainspring'::regnamespace AND {} IN (c.relname, c.relname || '.' || f.attname))";
    for Grant { target, statement } in grants {
        let found: (bool,) = Statement::<(Bool,)>::new(exists)
            .bind::<Text, _>(&target)
            .bind::<Text, _>(&target)
            .get_result(conn)?;
        if found.0 {
            run(conn, &target, &statement)?;
        }
    }
    Ok(())
}

// The place of those that tables need is 0: they are never dropped.
fn remember(conn: &mut impl AsSession) -> Result<(), StoreError> {
    Statement::<()>::new("DELETE FROM mainspring.definitions").execute(conn)?;
    let schema = conn.as_session().schema().clone();
    for (index, file) in DEFINITIONS.iter().enumerate() {
        let place = match file.phase {
            Phase::BeforeTables => 0,
            Phase::AfterTables => i32::try_from(index + 1).unwrap_or(i32::MAX),
        };
        Statement::<()>::new(
            "INSERT INTO mainspring.definitions (name, place, hash, release) VALUES ({}, {}, {}, {})",
        )
        .bind::<Text, _>(file.name)
        .bind::<Integer, _>(place)
        .bind::<Text, _>(hash_in(&schema, file))
        .bind::<Array<Integer>, _>(release())
        .execute(conn)?;
    }
    Ok(())
}
