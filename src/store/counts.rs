//! The pieces of SQL that count and age jobs for people. Each count walks one partial index and stops at its cap, so
//! that it stays cheap however large the table is.

/// Counting the jobs in a state stops here: a count of this size means "this many or more".
pub const COUNT_CAP: i64 = 10_000;

/// Counting the jobs of one task, queue or worker stops here. The cap is smaller than [`COUNT_CAP`] because there may be
/// [`LIST_CAP`] of each: a list reads at most a million index entries, in about two seconds.
pub const DETAIL_COUNT_CAP: i64 = 1_000;

/// Lists of tasks, queues and workers stop here.
pub const LIST_CAP: i64 = 1_000;

/// Counts the jobs that meet the condition. The order is that of the index which serves the condition: it keeps the
/// planner from reading the table.
pub(super) fn capped_count(cap: i64, condition: &str, order: &str) -> String {
    format!(
        "(SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j \
         WHERE {condition} ORDER BY {order} LIMIT {cap}) AS counted)"
    )
}

/// Counts ready jobs, which are in two indexes: those with flags, and those without.
pub(super) fn ready_count(cap: i64, condition: &str, leading: &str) -> String {
    let count = |which: &str, range: &str| {
        capped_count(
            cap,
            &format!("state = 'ready' AND flags {which}{condition}"),
            &format!("{range}, coalesce(turn_at, run_at), id"),
        )
    };
    format!(
        "least({cap}, {} + {})",
        count("IS NULL", &format!("{leading}priority")),
        count("IS NOT NULL", &format!("{leading}flags, priority"))
    )
}

/// The age of a moment. Two clocks never agree to the last digit, so an age is cut at zero. The server cannot subtract
/// infinite times, and some versions none before our era.
pub(super) fn seconds_since(moment: &str) -> String {
    format!(
        "greatest(0, extract(epoch FROM mainspring.now() - \
         greatest(least({moment}, mainspring.now()), '0001-01-01 00:00:00+00'))::float8)"
    )
}
