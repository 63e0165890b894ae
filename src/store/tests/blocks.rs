//! What statements cost, in blocks of our tables and their indexes and not in time.

use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};

use crate::error::StoreError;

#[derive(QueryableByName)]
struct Blocks {
    #[diesel(sql_type = BigInt)]
    blocks: i64,
}

fn blocks(conn: &mut PgConnection) -> i64 {
    let row: Blocks = sql_query(
        "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint AS blocks FROM pg_class \
         WHERE relnamespace = 'mainspring'::regnamespace AND relkind IN ('r', 'i')",
    )
    .get_result(conn)
    .unwrap();
    row.blocks
}

/// How many blocks `work` reads. Its changes are rolled back.
pub(in crate::store) fn cost_of(conn: &mut PgConnection, work: impl FnOnce(&mut PgConnection)) -> i64 {
    let mut cost = 0;
    conn.test_transaction::<_, StoreError, _>(|conn| {
        let before = blocks(conn);
        work(conn);
        cost = blocks(conn) - before;
        Ok(())
    });
    cost
}
