//! What is installed, as the catalogue shows it at the end of a migration: functions, views, triggers, indexes, constraints and
//! columns. A later look at the catalogue shows what was changed since. Judges nothing.

use diesel::sql_types::{Nullable, Text};

use super::script::{exists, run};
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// Bodies as their hashes, since the files in sql/ have them. The other definitions are as SQL takes them. Partitions come and go.
macro_rules! present {
    () => {
        "SELECT 'function' AS kind, p.proname::text AS relation, p.oid::regprocedure::text AS name, \
             md5(pg_get_functiondef(p.oid)) AS definition \
         FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace AND p.prokind = 'f' \
         UNION ALL SELECT 'view', c.relname, c.relname, md5(pg_get_viewdef(c.oid)) \
         FROM pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v' \
         UNION ALL SELECT 'trigger', c.relname, t.tgname, pg_get_triggerdef(t.oid) \
         FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid \
         WHERE c.relnamespace = 'mainspring'::regnamespace AND p.pronamespace = c.relnamespace \
             AND NOT t.tgisinternal AND NOT c.relispartition \
         UNION ALL SELECT 'index', r.relname, c.relname, pg_get_indexdef(i.indexrelid) \
         FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid JOIN pg_class AS c ON c.oid = i.indexrelid \
         WHERE r.relnamespace = 'mainspring'::regnamespace AND NOT r.relispartition \
             AND r.relname <> '__diesel_schema_migrations' \
             AND NOT EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid) \
         UNION ALL SELECT 'constraint', r.relname, o.conname, pg_get_constraintdef(o.oid) \
         FROM pg_constraint AS o JOIN pg_class AS r ON r.oid = o.conrelid \
         WHERE r.relnamespace = 'mainspring'::regnamespace AND NOT r.relispartition \
             AND r.relname <> '__diesel_schema_migrations' AND o.contype IN ('c', 'p', 'u') \
         UNION ALL SELECT f.kind, r.relname, a.attname, f.definition \
         FROM pg_class AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum \
         CROSS JOIN LATERAL (VALUES ('type', format_type(a.atttypid, a.atttypmod)), \
             ('not null', CASE WHEN a.attnotnull THEN 'NOT NULL' END), \
             ('default', pg_get_expr(d.adbin, d.adrelid))) AS f(kind, definition) \
         WHERE r.relnamespace = 'mainspring'::regnamespace AND r.relkind IN ('r', 'p') AND NOT r.relispartition \
             AND r.relname <> '__diesel_schema_migrations' AND f.definition IS NOT NULL"
    };
}

// Of two servers of different major versions, one may write the same definition in another way.
macro_rules! server {
    () => {
        "current_setting('server_version_num')::integer / 10000"
    };
}

// The host application may keep functions and views of its own in the schema.
const RECORD: &str = concat!(
    "DELETE FROM mainspring.installed; \
     INSERT INTO mainspring.installed (kind, relation, name, definition, server) \
     SELECT p.kind, p.relation, p.name, p.definition, ",
    server!(),
    " FROM (",
    present!(),
    ") AS p WHERE p.kind NOT IN ('function', 'view') OR p.relation IN (SELECT d.name FROM mainspring.definitions AS d)"
);

/// Records what the catalogue shows now. The search path of the transaction has the catalogue alone.
pub(super) fn record(conn: &mut impl AsSession) -> Result<(), StoreError> {
    run(conn, "record of what is installed", RECORD)
}

/// Something that differs from what was installed.
pub(crate) struct Difference {
    /// `function`, `view`, `trigger`, `index`, `constraint`, or what belongs to a column: `type`, `not null` or `default`.
    pub(crate) kind: String,
    /// The table that it belongs to.
    pub(crate) relation: String,
    pub(crate) name: String,
    /// As it was installed: SQL, or a hash of functions and views.
    pub(crate) installed: String,
    /// As it is now. `None` if it is gone.
    pub(crate) found: Option<String>,
}

// A group has what was installed and what is there. A join compared each with each, whatever the planner was free to do.
const DIFFERENCES: &str = concat!(
    "SELECT d.kind, d.relation, d.name, d.installed, d.found FROM ( \
         SELECT u.kind, u.relation, u.name, max(u.definition) FILTER (WHERE u.was) AS installed, \
             max(u.definition) FILTER (WHERE NOT u.was) AS found \
         FROM (SELECT b.kind COLLATE \"C\" AS kind, b.relation COLLATE \"C\" AS relation, b.name COLLATE \"C\" AS name, \
             b.definition COLLATE \"C\" AS definition, b.was FROM ( \
                 SELECT i.kind, i.relation, i.name, i.definition, true AS was FROM mainspring.installed AS i WHERE i.server = ",
    server!(),
    " UNION ALL SELECT p.kind, p.relation, p.name, p.definition, false FROM (",
    present!(),
    ") AS p) AS b) AS u GROUP BY u.kind, u.relation, u.name) AS d \
     WHERE d.installed IS NOT NULL AND d.found IS DISTINCT FROM d.installed ORDER BY d.kind, d.relation, d.name"
);

/// Returns what differs from what was installed. The search path of the transaction has the catalogue alone.
pub(crate) fn differences(conn: &mut impl AsSession) -> Result<Vec<Difference>, StoreError> {
    type Row = (String, String, String, String, Option<String>);
    let rows: Vec<Row> =
        Statement::<(Text, Text, Text, Text, Nullable<Text>)>::new(DIFFERENCES).load(conn)?;
    let difference =
        |(kind, relation, name, installed, found)| Difference { kind, relation, name, installed, found };
    Ok(rows.into_iter().map(difference).collect())
}

/// Returns `true` if this server can be compared with what was recorded.
pub(crate) fn is_comparable(conn: &mut impl AsSession) -> Result<bool, StoreError> {
    if !exists(conn, "mainspring.installed")? {
        return Ok(false);
    }
    let text = concat!("SELECT count(*) FROM mainspring.installed AS i WHERE i.server = ", server!());
    Ok(Statement::<(diesel::sql_types::BigInt,)>::new(text).get_result::<(i64,)>(conn)?.0 > 0)
}
