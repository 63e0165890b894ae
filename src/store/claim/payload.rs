//! The payloads that claims leave in the database because they are not small. They are fetched in portions of bytes, which
//! the server counts, so that what comes is bounded however large the next ones are. Does not know when they are needed.

use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// One job after the other in their order, until the bytes are used up: what lies behind is not read. `OFFSET 0` keeps
// the server from writing the text twice, once for its length.
//
// The payload is still the one of the claim, since nothing changes the payload of a running job. An enqueue with its key
// gets a job of its own. What a batch leaves for its next attempt is written by the settle that ends the lease.
const FETCH: &str = "WITH RECURSIVE asked AS MATERIALIZED (\
        SELECT {}::bigint[] AS ids, {}::bigint AS lease, {}::bigint AS bytes), \
    fetched(place, payload, bytes) AS (SELECT 0, NULL::text, 0::bigint UNION ALL \
        SELECT f.place + 1, p.payload, f.bytes + coalesce(octet_length(p.payload), 0) \
        FROM fetched AS f CROSS JOIN asked AS a LEFT JOIN LATERAL (\
            SELECT j.payload::text AS payload FROM mainspring.jobs AS j \
            WHERE j.id = a.ids[f.place + 1] AND j.lease = a.lease OFFSET 0) AS p ON true \
        WHERE f.place < cardinality(a.ids) AND f.bytes < a.bytes) \
    SELECT a.ids[f.place], f.payload FROM fetched AS f CROSS JOIN asked AS a WHERE f.place > 0";

/// Fetches payloads of jobs under one lease: of the first and of as many more, in order, as begin within so many bytes.
/// Returns each of these jobs, with `None` if its lease is no longer held.
pub(crate) fn fetch_payloads(
    conn: &mut impl AsSession,
    jobs: &[i64],
    lease: i64,
    bytes: usize,
) -> Result<Vec<(i64, Option<String>)>, StoreError> {
    Statement::<(BigInt, Nullable<Text>)>::new(FETCH)
        .bind::<Array<BigInt>, _>(jobs)
        .bind::<BigInt, _>(lease)
        .bind::<BigInt, _>(i64::try_from(bytes).unwrap_or(i64::MAX))
        .load(conn)
}
