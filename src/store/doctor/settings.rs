//! Settings that hurt, as new sessions of this role get them. Mainspring's own connections set many for themselves, so most of these
//! rules are about connections of handlers and of the application.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts};
use super::code::Code;

/// A setting, and when it hurts.
struct Rule {
    code: Code,
    setting: &'static str,
    /// A condition about the setting `s`.
    hurts: &'static str,
    /// The value to set, as SQL takes it.
    cure: &'static str,
    expected: &'static str,
    harm: &'static str,
}

const RULES: [Rule; 13] = [
    Rule {
        code: Code::FsyncOff,
        setting: "fsync",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "fsync on",
        harm: "a crash of the machine loses confirmed jobs and may destroy the database",
    },
    Rule {
        code: Code::FullPageWritesOff,
        setting: "full_page_writes",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "full_page_writes on",
        harm: "a crash of the machine may destroy pages that were half written",
    },
    Rule {
        code: Code::CommitsRelaxed,
        setting: "synchronous_commit",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "synchronous_commit on, or local, remote_write or remote_apply",
        harm: "a crash of the server forgets jobs whose enqueue was confirmed in its last second",
    },
    Rule {
        code: Code::AutovacuumOff,
        setting: "autovacuum",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "autovacuum on",
        harm: "dead rows of jobs pile up, so claims read more and more of them",
    },
    Rule {
        code: Code::AutovacuumOff,
        setting: "track_counts",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "track_counts on",
        harm: "autovacuum does not know what to do, so dead rows of jobs pile up",
    },
    Rule {
        code: Code::ActivitiesUntracked,
        setting: "track_activities",
        hurts: "s.reset_val = 'off'",
        cure: "on",
        expected: "track_activities on",
        harm: "who holds a row or an old snapshot cannot be seen, here or in `explain`",
    },
    Rule {
        code: Code::StatementTimeoutShort,
        setting: "statement_timeout",
        hurts: "s.reset_val::bigint BETWEEN 1 AND 9999",
        cure: "'30s'",
        expected: "no statement_timeout, or one of 10 s or more",
        harm: "migrations, and commands that act on many jobs, end before they are done",
    },
    Rule {
        code: Code::LockTimeoutShort,
        setting: "lock_timeout",
        hurts: "s.reset_val::bigint BETWEEN 1 AND 999",
        cure: "'10s'",
        expected: "no lock_timeout, or one of 1 s or more",
        harm: "the application's own enqueues fail instead of waiting for a key that another transaction holds",
    },
    Rule {
        code: Code::IsolationRaised,
        setting: "default_transaction_isolation",
        hurts: "s.reset_val IN ('repeatable read', 'serializable')",
        cure: "'read committed'",
        expected: "default_transaction_isolation at read committed",
        harm: "transactions of handlers, and enqueues of the application, fail with serialization errors",
    },
    Rule {
        code: Code::ReadOnlyByDefault,
        setting: "default_transaction_read_only",
        hurts: "s.reset_val = 'on'",
        cure: "off",
        expected: "default_transaction_read_only off",
        harm: "the application can add no job, and handlers can write nothing",
    },
    Rule {
        code: Code::TriggersSuppressed,
        setting: "session_replication_role",
        hurts: "s.reset_val = 'replica'",
        cure: "origin",
        expected: "session_replication_role at origin",
        harm: "triggers do not fire, so changes of queues are not noticed, and `start` fails for most roles",
    },
    Rule {
        code: Code::IdleTransactionsUnbounded,
        setting: "idle_in_transaction_session_timeout",
        hurts: "s.reset_val = '0'",
        cure: "'10min'",
        expected: "a bound such as 10min",
        harm: "a process that is cut off in a handler's transaction keeps its rows locked, by default for two hours",
    },
    Rule {
        code: Code::StatementsUntracked,
        setting: "shared_preload_libraries",
        hurts: "s.reset_val !~ 'pg_stat_statements' \
            OR NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_stat_statements')",
        cure: "",
        expected: "the extension pg_stat_statements",
        harm: "the cost of statements cannot be seen afterwards",
    },
];

/// The checks of settings, and those of connections.
pub(super) fn checks() -> Vec<Check> {
    RULES.into_iter().map(Rule::into_check).chain(CONNECTIONS).collect()
}

impl Rule {
    fn into_check(self) -> Check {
        let Self { code, setting, hurts, cure, expected, harm } = self;
        let query = match code {
            Code::StatementsUntracked => EXTENSION.replace("HURTS", hurts),
            _ => SETTING
                .replace("FIRST", first(code))
                .replace("SETTING", setting)
                .replace("HURTS", hurts)
                .replace("CURE", cure),
        };
        let (needs, parts, by_hand) = (Needs::Nothing, Parts::Sql, by_hand(code));
        Check { code, needs, expected, harm, parts, by_hand, query: Cow::Owned(query) }
    }
}

// A statement before the others.
fn first(code: Code) -> &'static str {
    match code {
        Code::ReadOnlyByDefault => "ARRAY['SET SETTING = CURE'] || ",
        _ => "",
    }
}

fn by_hand(code: Code) -> &'static str {
    match code {
        Code::StatementsUntracked => {
            "add pg_stat_statements to shared_preload_libraries, restart the server, and look again"
        }
        _ => "remove the setting from the command line of the server, and restart it",
    }
}

// The value that new sessions get, and where it is set: the most particular place counts. What the client itself has set for this
// connection is left out.
const SETTING: &str = "SELECT format('%s is %s%s, %s', s.name, s.reset_val, CASE WHEN s.unit IS NOT NULL THEN ' ' || s.unit END, \
        coalesce(p.place, 'for the server')), \
    CASE WHEN p.place IS NOT NULL THEN FIRSTARRAY[format('ALTER %s RESET SETTING', p.target)] \
        WHEN s.source <> 'command line' THEN FIRSTARRAY[$cure$ALTER SYSTEM SET SETTING = CURE$cure$, 'SELECT pg_reload_conf()'] END \
    FROM pg_settings AS s LEFT JOIN LATERAL ( \
        SELECT CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'for all roles' \
                ELSE concat_ws(' ', 'for', format('the role %s', nullif(d.setrole, 0)::regrole), \
                    format('in the database %s', b.datname)) END AS place, \
            CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN format('ROLE %I IN DATABASE %I', session_user, b.datname) \
                WHEN d.setrole <> 0 THEN format('ROLE %I', session_user) \
                WHEN d.setdatabase <> 0 THEN format('DATABASE %I', b.datname) ELSE 'ROLE ALL' END AS target \
        FROM pg_db_role_setting AS d LEFT JOIN pg_database AS b ON b.oid = d.setdatabase \
        WHERE d.setrole IN (0, session_user::regrole) AND (d.setdatabase = 0 OR b.datname = current_database()) \
            AND EXISTS (SELECT FROM unnest(d.setconfig) AS c WHERE split_part(c, '=', 1) = s.name) \
        ORDER BY d.setrole <> 0 AND d.setdatabase <> 0 DESC, d.setrole <> 0 DESC, d.setdatabase <> 0 DESC LIMIT 1) AS p ON true \
    WHERE s.name = 'SETTING' AND s.source <> 'client' AND (HURTS)";

const EXTENSION: &str = "SELECT 'pg_stat_statements is not there', \
    CASE WHEN s.reset_val ~ 'pg_stat_statements' THEN ARRAY['CREATE EXTENSION pg_stat_statements'] END \
    FROM pg_settings AS s WHERE s.name = 'shared_preload_libraries' AND (HURTS)";

const CONNECTIONS: [Check; 2] = [
    Check {
        code: Code::ConnectionsScarce,
        needs: Needs::Nothing,
        expected: "at least a tenth of max_connections free",
        harm: "new connections are refused soon, also those of schedulers; the cure holds from the next restart of the server on",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('%s of %s connections are in use', u.used, u.free_to_all), \
                 ARRAY[format('ALTER SYSTEM SET max_connections = %s', 2 * u.most)] \
             FROM (SELECT (SELECT sum(d.numbackends) FROM pg_stat_database AS d) AS used, \
                 current_setting('max_connections')::integer AS most, current_setting('max_connections')::integer \
                     - current_setting('superuser_reserved_connections')::integer AS free_to_all) AS u \
             WHERE u.used >= 0.9 * u.free_to_all",
        ),
    },
    Check {
        code: Code::ConnectionsLimited,
        needs: Needs::Nothing,
        expected: "no limit, or one of 17 for each process",
        harm: "a scheduler uses up to 17 connections with the defaults, and does not start with fewer than 3",
        parts: Parts::Sql,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the database %s takes at most %s connections', d.datname, d.datconnlimit), \
                 ARRAY[format('ALTER DATABASE %I CONNECTION LIMIT -1', d.datname)] \
             FROM pg_database AS d WHERE d.datname = current_database() AND d.datconnlimit BETWEEN 0 AND 16 \
             UNION ALL SELECT format('the role %s makes at most %s connections', r.rolname, r.rolconnlimit), \
                 ARRAY[format('ALTER ROLE %I CONNECTION LIMIT -1', r.rolname)] \
             FROM pg_roles AS r WHERE r.rolname = session_user AND r.rolconnlimit BETWEEN 0 AND 16",
        ),
    },
];
