//! The payloads that claims leave in the database because they are not small. They are fetched in portions of bytes, which
//! the server counts, so that what comes is bounded however large the next ones are. Does not know when they are needed.

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

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
    fetched(place, payload, bytes, is_held) AS (SELECT 0, NULL::text, 0::bigint, false UNION ALL \
        SELECT f.place + 1, p.payload, f.bytes + coalesce(octet_length(p.payload), 0), p.is_held IS NOT NULL \
        FROM fetched AS f CROSS JOIN asked AS a LEFT JOIN LATERAL (\
            SELECT j.payload::text AS payload, true AS is_held FROM mainspring.jobs AS j \
            WHERE j.id = a.ids[f.place + 1] AND j.lease = a.lease OFFSET 0) AS p ON true \
        WHERE f.place < cardinality(a.ids) AND f.bytes < a.bytes) \
    SELECT a.ids[f.place], CASE WHEN octet_length(f.payload) <= 268435456 THEN f.payload END, f.is_held \
    FROM fetched AS f CROSS JOIN asked AS a WHERE f.place > 0";

/// What came of the fetch of one payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    Payload(String),
    /// The lease is no longer held.
    Lost,
    /// It was left in the database, since it is too large to be fetched with others.
    Left,
    /// The server cannot return it, ever.
    Unreadable(String),
}

/// Fetches payloads of jobs under one lease: of the first and of as many more, in order, as begin within so many bytes.
/// Returns each of these jobs.
pub(crate) fn fetch_payloads(
    conn: &mut impl AsSession,
    jobs: &[i64],
    lease: i64,
    bytes: usize,
) -> Result<Vec<(i64, Fetched)>, StoreError> {
    let rows: Vec<(i64, Option<String>, bool)> = Statement::<(BigInt, Nullable<Text>, Bool)>::new(FETCH)
        .bind::<Array<BigInt>, _>(jobs)
        .bind::<BigInt, _>(lease)
        .bind::<BigInt, _>(i64::try_from(bytes).unwrap_or(i64::MAX))
        .load(conn)?;
    let fetched = |(id, payload, is_held): (i64, Option<String>, bool)| {
        let absent = if is_held { Fetched::Left } else { Fetched::Lost };
        (id, payload.map_or(absent, Fetched::Payload))
    };
    Ok(rows.into_iter().map(fetched).collect())
}

/// Fetches the payload of one job.
pub(crate) fn fetch_payload(conn: &mut impl AsSession, job: i64, lease: i64) -> Result<Fetched, StoreError> {
    let row: (Option<Vec<Option<String>>>,) =
        Statement::<(Nullable<Array<Nullable<Text>>>,)>::new("SELECT mainspring.payload_of({}, {})")
            .bind::<BigInt, _>(job)
            .bind::<BigInt, _>(lease)
            .get_result(conn)?;
    let Some(texts) = row.0 else { return Ok(Fetched::Lost) };
    let mut texts = texts.into_iter();
    Ok(match (texts.next().flatten(), texts.next().flatten()) {
        (Some(payload), _) => Fetched::Payload(payload),
        (None, Some(problem)) => Fetched::Unreadable(problem),
        (None, None) => Fetched::Unreadable("it is NULL".into()),
    })
}
