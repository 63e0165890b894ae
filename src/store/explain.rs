//! Why a statement failed, where Diesel keeps the SQLSTATE to itself: the catalogue knows what is missing, and what the role
//! may not use. No text of the server is read, so its language does not matter.

use std::collections::BTreeSet;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, Bool, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::session::{Session, in_transaction};
use crate::error::{StoreError, text_of};
use crate::schema::mentioned;

/// The error of a statement as what it means to the caller. `text` is the statement as it was written, for `mainspring`.
///
/// In a transaction that has failed nothing can be looked up: the error is then what Diesel knows of it.
pub(super) fn explain(session: &mut Session<'_>, text: &str, error: DieselError) -> StoreError {
    let meaning = match &error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, facts)
            if facts.constraint_name().is_none() =>
        {
            let names = mentioned(text);
            if names.is_empty() || in_transaction(session.conn) {
                None
            } else {
                meaning(session, &names, &error)
            }
        }
        _ => None,
    };
    meaning.unwrap_or_else(|| StoreError::from_diesel(error))
}

// Of each name whether it is missing, and whether the role may use it in no way at all, as then every statement fails that
// mentions it. All of pg_catalog is open to every role.
const LOOK_UP: &str = "SELECT n.name, s.oid IS NOT NULL AS has_schema, \
    coalesce(has_schema_privilege(s.oid, 'USAGE'), false) AS may_use_schema, \
    c.oid IS NOT NULL OR p.found OR EXISTS (SELECT FROM pg_type AS t WHERE t.typnamespace = s.oid AND t.typname = n.name) \
        AS is_there, \
    coalesce(CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') \
        WHEN c.oid IS NOT NULL THEN has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE') \
            OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE') \
        WHEN p.found THEN p.usable END, true) AS is_usable \
    FROM unnest($1) AS n(name) LEFT JOIN pg_namespace AS s ON s.nspname = $2 \
    LEFT JOIN pg_class AS c ON c.relnamespace = s.oid AND c.relname = n.name \
    CROSS JOIN LATERAL (SELECT count(*) > 0 AS found, bool_or(has_function_privilege(p.oid, 'EXECUTE')) AS usable \
        FROM pg_proc AS p WHERE p.pronamespace = s.oid AND p.proname = n.name) AS p ORDER BY n.name";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    has_schema: bool,
    #[diesel(sql_type = Bool)]
    may_use_schema: bool,
    #[diesel(sql_type = Bool)]
    is_there: bool,
    #[diesel(sql_type = Bool)]
    is_usable: bool,
}

fn meaning(session: &mut Session<'_>, names: &BTreeSet<&str>, error: &DieselError) -> Option<StoreError> {
    let schema = session.schema.to_string();
    // Without a `Statement`, whose errors are explained here. It mentions the catalogue alone.
    let found: Vec<Found> = sql_query(LOOK_UP)
        .bind::<Array<Text>, _>(names.iter().copied().collect::<Vec<_>>())
        .bind::<Text, _>(&schema)
        .load(session.conn)
        .ok()?;
    for Found { name, has_schema, may_use_schema, is_there, is_usable } in found {
        if !has_schema {
            return Some(StoreError::SchemaMissing(format!("{schema} is not there")));
        }
        if !may_use_schema {
            return Some(StoreError::Denied(format!("the schema {schema}: {}", text_of(error))));
        }
        if !is_there {
            return Some(StoreError::SchemaMissing(format!("{schema} is not whole, it lacks {name}")));
        }
        if !is_usable {
            return Some(StoreError::Denied(format!("{name} in the schema {schema}: {}", text_of(error))));
        }
    }
    None
}
