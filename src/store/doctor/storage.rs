//! Dead rows, bloat, partitions of the history and sequences, from the catalogue and from statistics.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts};
use super::code::Code;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: Code::TableAutovacuumOff,
        needs: Needs::Nothing,
        expected: "autovacuum for every table",
        harm: "dead rows pile up, so that statements read more and more of them",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('autovacuum is off for the table %s', c.relname), \
                 ARRAY[format('ALTER TABLE %s RESET (autovacuum_enabled)', c.oid::regclass)] \
             FROM pg_class AS c CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o \
             WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'r' \
                 AND o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean ORDER BY 1 LIMIT 20",
        ),
    },
    // Five times what autovacuum waits for, so that one that works is never reported.
    Check {
        code: Code::DeadRows,
        needs: Needs::Nothing,
        expected: "dead rows that autovacuum removes as they come",
        harm: "claims and admissions read over dead rows; look for old transactions and slots above, or raise \
            autovacuum_max_workers",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('%s of the rows of %s are dead, and %s live; autovacuum came %s', t.n_dead_tup, c.relname, \
                 t.n_live_tup, coalesce(date_trunc('second', clock_timestamp() - t.last_autovacuum) || ' ago', 'never')), \
                 ARRAY[format('VACUUM (ANALYZE) %s', c.oid::regclass)] \
             FROM pg_class AS c JOIN pg_stat_all_tables AS t ON t.relid = c.oid \
             CROSS JOIN LATERAL (SELECT coalesce((SELECT o.option_value FROM pg_options_to_table(c.reloptions) AS o \
                 WHERE o.option_name = 'autovacuum_vacuum_scale_factor'), \
                 current_setting('autovacuum_vacuum_scale_factor'))::float8 AS share) AS s \
             WHERE c.relnamespace = 'mainspring'::regnamespace \
                 AND t.n_dead_tup > 50000 + 5 * s.share * greatest(c.reltuples, 0) ORDER BY t.n_dead_tup DESC LIMIT 20",
        ),
    },
    // An entry of a B-tree takes at most 2,704 bytes, so this is bloat whatever the keys are.
    Check {
        code: Code::IndexBloated,
        needs: Needs::Nothing,
        expected: "at most 32 MB and 4 kB for each entry",
        harm: "the index takes disk and memory that it does not need, and vacuum takes longer",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the index %s takes %s for %s entries', c.relname, pg_size_pretty(c.relpages::bigint * 8192), c.reltuples), \
                 ARRAY[format('REINDEX INDEX CONCURRENTLY %s', c.oid::regclass)] \
             FROM pg_class AS c JOIN pg_am AS m ON m.oid = c.relam \
             WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'i' AND m.amname = 'btree' \
                 AND c.reltuples >= 0 AND c.relpages > 4096 + c.reltuples / 2 ORDER BY c.relpages DESC LIMIT 20",
        ),
    },
    // The days of UTC, as for `missing_history`, which only workers may call.
    Check {
        code: Code::HistoryPartitionMissing,
        needs: Needs::Reading,
        expected: "a partition of the history for today and one for tomorrow",
        harm: "jobs that end on that day leave no line in the history",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the history has no partition for %s', string_agg(d.day::text, ', ' ORDER BY d.day)), \
                 ARRAY[format('SELECT * FROM %s()', \
                     (SELECT p.oid::regproc FROM pg_proc AS p WHERE p.proname = 'prepare_history' \
                         AND p.pronamespace = 'mainspring'::regnamespace))] \
             FROM (SELECT (mainspring.now() AT TIME ZONE 'UTC')::date + n AS day FROM generate_series(0, 1) AS n) AS d \
             WHERE NOT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid \
                 WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname = 'history_' || to_char(d.day, 'YYYYMMDD')) \
             HAVING count(*) > 0",
        ),
    },
    Check {
        code: Code::HistoryDefaultPartition,
        needs: Needs::Nothing,
        expected: "partitions of days alone",
        harm: "it takes the lines of a day before its partition is made, which then fails; its lines are never dropped",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the history has the default partition %s', p.partdefid::regclass), \
                 ARRAY[format('ALTER TABLE %s DETACH PARTITION %s', p.partrelid::regclass, p.partdefid::regclass)] \
             FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid \
             WHERE c.relnamespace = 'mainspring'::regnamespace AND p.partdefid <> 0",
        ),
    },
    Check {
        code: Code::SequenceNearEnd,
        needs: Needs::Sequences,
        expected: "at most nine tenths of the ids given out",
        harm: "once the ids are used up, no worker can register, and nothing runs",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the sequence %s has given out %s of %s ids', s.sequencename, s.last_value, s.max_value), \
                 ARRAY[format('ALTER SEQUENCE %I.%I RESTART WITH 1', s.schemaname, s.sequencename)] \
             FROM pg_sequences AS s WHERE quote_ident(s.schemaname)::regnamespace = 'mainspring'::regnamespace \
                 AND s.data_type = 'integer'::regtype AND s.last_value > 0.9 * s.max_value",
        ),
    },
    // A sequence gives an id out before a row with it is visible, so it is never behind by itself. Ids of workers may have begun
    // again, long before those that are in use.
    Check {
        code: Code::SequenceBehind,
        needs: Needs::Sequences,
        expected: "a sequence that is past every id in its table",
        harm: "new rows get ids that are taken, and are refused, as after a copy by logical replication",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the sequence %s is at %s, and an id is %s already', s.oid::regclass, coalesce(q.last_value, 0), m.most), \
                 ARRAY[format('SELECT setval(%L, %s)', s.oid::regclass, m.most)] \
             FROM (SELECT 'jobs' AS name, (SELECT max(j.id) FROM mainspring.jobs AS j) AS most \
                 UNION ALL SELECT 'workers', (SELECT max(w.id) FROM mainspring.workers AS w) \
                 UNION ALL SELECT 'schedules', (SELECT max(e.id) FROM mainspring.schedules AS e) \
                 UNION ALL SELECT 'schedule_fires', (SELECT max(f.id) FROM mainspring.schedule_fires AS f)) AS m \
             JOIN pg_class AS s ON s.relnamespace = 'mainspring'::regnamespace AND s.relkind = 'S' \
                 AND s.relname = m.name || '_id_seq' \
             JOIN pg_sequences AS q ON quote_ident(q.schemaname)::regnamespace = s.relnamespace AND q.sequencename = s.relname \
             WHERE m.most > coalesce(q.last_value, 0) \
                 AND NOT (m.name = 'workers' AND q.last_value < 0.1 * q.max_value AND m.most > 0.9 * q.max_value)",
        ),
    },
];
