//! Recognises tables whose records of migrations are missing, as after a dump of definitions alone. Compares them with what
//! each step makes, in a schema that lives for the comparison. Knows no table by name.

use diesel::sql_types::Text;

use super::definitions::install_base;
use super::files::{MIGRATIONS, TableStep};
use super::script::{exists, run};
use super::tables;
use crate::error::StoreError;
use crate::schema::Schema;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Records the steps whose tables are there, where their records are missing.
pub(super) fn record_known_steps(conn: &mut impl AsSession) -> Result<(), StoreError> {
    let pending = tables::pending(conn)?;
    if !is_incomplete(conn, &pending)? {
        return Ok(());
    }
    let steps = recognise(conn)?;
    pending
        .iter()
        .filter(|step| MIGRATIONS[..steps].iter().any(|known| known.version == step.version))
        .try_for_each(|step| tables::record(conn, step))
}

// Steps are applied in order, so a missing one before a recorded one has lost its record.
fn is_incomplete(conn: &mut impl AsSession, pending: &[&TableStep]) -> Result<bool, StoreError> {
    let recorded = MIGRATIONS.len() - pending.len();
    if recorded == 0 {
        return exists(conn, "mainspring.jobs");
    }
    Ok(MIGRATIONS[recorded..].iter().zip(pending).any(|(last, step)| last.version != step.version))
}

// Returns how many steps the tables have behind them.
fn recognise(conn: &mut impl AsSession) -> Result<usize, StoreError> {
    let found = shape(conn)?;
    let scratch = Schema::new(format!("mainspring_comparison_{}", fastrand::u32(..)))?;
    let mut session = conn.as_session();
    let mut made = scratch.on(&mut session);
    run(&mut made, "comparison", "CREATE SCHEMA mainspring")?;
    install_base(&mut made)?;
    let mut steps = None;
    for (index, step) in MIGRATIONS.iter().enumerate() {
        run(&mut made, step.version, step.up)?;
        if shape(&mut made)? == found {
            steps = Some(index + 1);
        }
    }
    // A script may not drop what the transaction still has triggers to fire for; nothing was written here.
    run(&mut made, "comparison", "DROP SCHEMA mainspring CASCADE")?;
    steps.ok_or_else(|| {
        StoreError::Migration(format!(
            "{}: it has tables and no records of migrations, and these are the tables of no release: \
             restore it whole, or drop it",
            conn.as_session().schema()
        ))
    })
}

// Columns, constraints, indexes and types, without the partitions of days, and without the schema's name.
const SHAPE: &str = "SELECT replace(s.text, 'mainspring'::regnamespace || '.', '') FROM ( \
    SELECT format('%s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
        a.attidentity, pg_get_expr(d.adbin, d.adrelid)) AS text \
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
        AND c.relname <> '__diesel_schema_migrations' \
    UNION ALL SELECT format('%s %s %s', r.relname, c.conname, pg_get_constraintdef(c.oid)) \
    FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid \
    WHERE r.relnamespace = 'mainspring'::regnamespace AND NOT r.relispartition \
        AND r.relname <> '__diesel_schema_migrations' \
    UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid \
    WHERE c.relnamespace = 'mainspring'::regnamespace AND NOT c.relispartition \
        AND c.relname <> '__diesel_schema_migrations' \
    UNION ALL SELECT format('%s %s', t.typname, e.enumlabel) \
    FROM pg_type AS t JOIN pg_enum AS e ON e.enumtypid = t.oid \
    WHERE t.typnamespace = 'mainspring'::regnamespace) AS s ORDER BY 1";

fn shape(conn: &mut impl AsSession) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(SHAPE).load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
