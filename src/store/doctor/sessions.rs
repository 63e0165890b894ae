//! What keeps old rows alive or rows locked: transactions that are open for long, and slots without a reader. No text of a
//! statement is shown, since it may hold values of payloads.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts};
use super::code::Code;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: Code::TransactionOpenLong,
        needs: Needs::Monitor,
        expected: "transactions that end within the longest time, by default 5 minutes",
        harm: "no dead row that is younger than it can be removed, so claims slow down; rows that it has changed stay locked",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the session %s of the role %s (%s), %s, has been in a transaction for %s, its last statement began %s ago', \
                 a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'without a name'), a.state, \
                 date_trunc('second', clock_timestamp() - a.xact_start), \
                 date_trunc('second', clock_timestamp() - a.query_start)), \
                 ARRAY[format('SELECT pg_terminate_backend(%s)', a.pid)] \
             FROM pg_stat_activity AS a \
             WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() \
                 AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) \
                 AND a.xact_start <= clock_timestamp() - {} * interval '1 second' \
             ORDER BY a.xact_start LIMIT 20",
        ),
    },
    Check {
        code: Code::PreparedTransactionOld,
        needs: Needs::Nothing,
        expected: "prepared transactions that are committed or rolled back within the longest time",
        harm: "it survives restarts; no dead row that is younger can be removed, and its rows stay locked",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the prepared transaction %s of the role %s is %s old', p.gid, p.owner, \
                 date_trunc('second', clock_timestamp() - p.prepared)), ARRAY[format('ROLLBACK PREPARED %L', p.gid)] \
             FROM pg_prepared_xacts AS p WHERE p.database = current_database() \
                 AND p.prepared <= clock_timestamp() - {} * interval '1 second' ORDER BY p.prepared LIMIT 20",
        ),
    },
    Check {
        code: Code::SlotInactive,
        needs: Needs::Nothing,
        expected: "a slot that is read, or none",
        harm: "the server keeps all WAL since then until its disk is full; the slot may keep dead rows too",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the replication slot %s has no reader, and holds back %s of WAL, more than max_wal_size', \
                 s.slot_name, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn))), \
                 ARRAY[format('SELECT pg_drop_replication_slot(%L)', s.slot_name)] \
             FROM pg_replication_slots AS s WHERE NOT s.active AND s.wal_status <> 'reserved' \
                 AND (s.database IS NULL OR s.database = current_database()) LIMIT 20",
        ),
    },
];
