//! Hostile text in every column of the schema that takes one.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

/// Clears a screen, begins a line of its own that looks like a log line, turns the direction of the text, and rings.
pub(crate) const HOSTILE: &str =
    "h\u{1b}[2J\r\nERROR forged\u{202e}\u{9b}31m\u{7}\u{2028}\u{feff}\u{200b}\u{7f}z";

/// Asserts that no terminal does anything with the text but show it, and that each of its lines was meant as one.
pub(crate) fn assert_harmless(what: &str, text: &str) {
    let hostile = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
    };
    let found = text.split('\n').find(|line| line.contains(hostile));
    assert!(found.is_none(), "{what} prints {found:?}");
    let forged = text.lines().any(|line| line.trim_start().starts_with("ERROR forged"));
    assert!(!forged, "{what} breaks a line: {text}");
}

// A row of each kind. The worker is lost, and has a running job.
const ROWS: &str = "
    INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at) OVERRIDING SYSTEM VALUE
        VALUES (100, 'w', '{t}', '1 second', now() - interval '1 hour');
    INSERT INTO mainspring.jobs (task, state, run_at, queue, key, flags, last_error, progress, progress_note, payload)
        SELECT 't', s::mainspring.job_state, now(), 'q', s, '{f}', 'e', 1, 'n', '{\"a\": \"b\"}'
        FROM unnest('{waiting,scheduled,parked,ready,held,dead}'::text[]) AS s;
    INSERT INTO mainspring.jobs (task, state, run_at, attempts, lease, worker_id, locked_at, cancel_reason)
        VALUES ('t', 'running', now(), 1, 7, 100, now(), 'c');
    INSERT INTO mainspring.queues (name, paused) VALUES ('paused', true);
    INSERT INTO mainspring.paused_tasks (task) VALUES ('paused');
    INSERT INTO mainspring.history (finished_at, created_at, run_at, id, priority, attempts, outcome, task, queue, key, reason)
        VALUES (now(), now(), now(), 1, 0, 1, 'cancelled', 't', 'q', 'k', 'r');
    SELECT mainspring.create_schedule('s' || n, 't', '0 0 1 1 *') FROM generate_series(1, 3) AS n;
    SELECT mainspring.trigger_schedule('s1');
    UPDATE mainspring.schedules SET error = 'e', late_since = now(), late_reason = 'r' WHERE name = 's3';";

// Each on its own, because a column may refuse what another one takes. The place of the row keeps names apart.
const PLANT: &str = "
    CREATE TABLE planted (name text);
    DO $$ DECLARE c record; BEGIN
        FOR c IN SELECT r.relname, a.attname, a.atttypid = 'text[]'::regtype AS is_array
            FROM pg_attribute AS a JOIN pg_class AS r ON r.oid = a.attrelid
            WHERE r.relnamespace = 'mainspring'::regnamespace AND r.relkind IN ('r', 'p') AND NOT r.relispartition
                AND r.relname NOT IN ('definitions', 'installed', '__diesel_schema_migrations')
                AND a.attnum > 0 AND a.atttypid IN ('text'::regtype, 'text[]'::regtype)
        LOOP
            BEGIN
                EXECUTE format('UPDATE mainspring.%I SET %I = %s', c.relname, c.attname, format(
                    CASE WHEN c.is_array THEN 'ARRAY[%L || ctid]' ELSE '%L || ctid' END, 'HOSTILE'));
                INSERT INTO public.planted VALUES (format('%s.%s', c.relname, c.attname));
            EXCEPTION WHEN integrity_constraint_violation THEN NULL;
            END;
        END LOOP;
    END $$;
    UPDATE mainspring.jobs SET payload = jsonb_build_object('HOSTILE', 'HOSTILE')";

#[derive(QueryableByName)]
struct Planted {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Fills every table, and writes the hostile text into each column that takes it. Returns the names of the columns.
pub(crate) fn plant(conn: &mut PgConnection) -> Vec<String> {
    conn.batch_execute(ROWS).unwrap();
    conn.batch_execute(&PLANT.replace("HOSTILE", HOSTILE)).unwrap();
    let planted: Vec<Planted> = sql_query("SELECT name FROM planted").load(conn).unwrap();
    planted.into_iter().map(|column| column.name).collect()
}
