-- Shows what jobs did, by minutes of the last two days and by hours before, for people and for panels: counts, and quantiles
-- in milliseconds. An empty name stands for all tasks, or queues, that are not counted by name.
-- The numbers of errors are in `errors_view`.
CREATE OR REPLACE VIEW mainspring.stats_view AS
SELECT s.begins_at, s.span, s.kind, s.name, s.enqueued, s.started, s.succeeded, s.failed, s.dead, s.cancelled, s.snoozed,
    s.interrupted, s.lost, s.rescued,
    mainspring.quantile_ms(s.wait, 0.5) AS wait_p50_ms, mainspring.quantile_ms(s.wait, 0.95) AS wait_p95_ms,
    mainspring.quantile_ms(s.wait, 0.99) AS wait_p99_ms, mainspring.quantile_ms(s.run, 0.5) AS run_p50_ms,
    mainspring.quantile_ms(s.run, 0.95) AS run_p95_ms, mainspring.quantile_ms(s.run, 0.99) AS run_p99_ms
FROM mainspring.stats AS s WHERE s.kind <> 'error';
