//! How much was changed in the tables that people look at. It is read from the statistics of the server, whatever the size of a table.

use diesel::sql_types::BigInt;

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// Returns how many rows were inserted, updated and deleted since the statistics began. The server counts a change within a second,
/// or within ten if its session then rests. Heartbeats are no changes.
pub(crate) fn count(conn: &mut impl AsSession) -> Result<i64, StoreError> {
    let text = "SELECT sum(pg_stat_get_tuples_inserted(t.id) + pg_stat_get_tuples_updated(t.id) + pg_stat_get_tuples_deleted(t.id))::bigint \
        FROM unnest(ARRAY['mainspring.jobs'::regclass, 'mainspring.queues', 'mainspring.queue_families', 'mainspring.task_limits', \
            'mainspring.paused_tasks', 'mainspring.all_paused', 'mainspring.schedules', 'mainspring.schedule_fires', 'mainspring.audit', 'mainspring.sample']) AS t(id)";
    let (count,) = Statement::<(BigInt,)>::new(text).get_result::<(i64,)>(conn)?;
    Ok(count)
}
