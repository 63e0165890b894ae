//! Workers that are lost, stuck or missing, and jobs that wait for them. Each query reads the first entries of an index.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts};
use super::code::Code;
use crate::store::status::oldest_ready;

/// The checks of workers, and of jobs that wait for them.
pub(super) fn checks() -> Vec<Check> {
    WORKERS.into_iter().chain([task_without_worker(), queue_stuck(), jobs_late()]).collect()
}

const WORKERS: [Check; 3] = [
    // A running scheduler rescues within one time-out of its own.
    Check {
        code: Code::WorkerLost,
        needs: Needs::Reading,
        expected: "a heartbeat within the worker's time-out, or a rescue by another process soon after it",
        harm: "its jobs stay running, and hold the slots of their queues: no process is left that rescues them, or it cannot",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the worker %s (%s) sends no heartbeat since %s, and holds %s jobs%s', w.id, w.name, w.heartbeat_at, \
                     CASE WHEN h.jobs = 100 THEN '100 or more' ELSE h.jobs::text END, ' and slots of ' || h.queues), \
                 ARRAY['workers', 'release', w.id::text] \
             FROM mainspring.workers AS w CROSS JOIN LATERAL ( \
                 SELECT count(*) AS jobs, array_to_string((array_agg(DISTINCT k.queue))[1:5], ', ') AS queues \
                 FROM (SELECT j.queue FROM mainspring.jobs AS j WHERE j.state = 'running' AND j.worker_id = w.id \
                     LIMIT 100) AS k) AS h \
             WHERE NOT mainspring.is_alive(w.heartbeat_at + interval '1 minute', 2 * least(w.timeout, interval '100 years')) \
             ORDER BY w.heartbeat_at LIMIT 20",
        ),
    },
    // The gaps between the ids of workers, as for the search of orphans. Each process requeues such jobs about once a minute.
    Check {
        code: Code::JobsWithoutWorker,
        needs: Needs::Reading,
        expected: "running jobs of registered workers, or a process that requeues them within a minute",
        harm: "these jobs stay running, and hold the slots of their queues",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('%s jobs run for the worker %s, which is not registered, such as job %s', \
                     CASE WHEN count(*) = 100 THEN '100 or more' ELSE count(*)::text END, k.worker_id, min(k.id)), \
                 ARRAY['workers', 'release', k.worker_id::text] \
             FROM (SELECT w.id AS after, lead(w.id) OVER (ORDER BY w.id) AS before \
                 FROM (SELECT 0 AS id UNION ALL SELECT id FROM mainspring.workers) AS w) AS gap \
             CROSS JOIN LATERAL (SELECT j.id, j.worker_id, j.locked_at FROM mainspring.jobs AS j WHERE j.state = 'running' \
                 AND j.worker_id > gap.after AND j.worker_id < coalesce(gap.before, 2147483647) \
                 ORDER BY j.worker_id LIMIT 100) AS k \
             WHERE k.locked_at < mainspring.now() - interval '3 minutes' GROUP BY k.worker_id ORDER BY k.worker_id LIMIT 20",
        ),
    },
    // A worker that stops reports `draining`, which is no fault.
    Check {
        code: Code::WorkerFailing,
        needs: Needs::Reading,
        expected: "a worker without problems",
        harm: "it claims few jobs or none while others may have too much to do",
        parts: Parts::Arguments,
        by_hand: "look for the codes under Health in the guide and at the log of that process, and restart it",
        query: Cow::Borrowed(
            "SELECT format('the worker %s (%s) reports %s', w.id, w.name, array_to_string(w.problems, ', ')), NULL::text[] \
             FROM mainspring.workers AS w WHERE mainspring.is_alive(w.heartbeat_at, w.timeout) \
                 AND cardinality(array_remove(w.problems, 'draining')) > 0 ORDER BY w.id LIMIT 20",
        ),
    },
];

// A deploy takes a moment: only jobs that have waited for a minute count.
fn task_without_worker() -> Check {
    Check {
        code: Code::TaskWithoutWorker,
        needs: Needs::Reading,
        expected: "a living worker with a handler for the task",
        harm: "its jobs wait until one starts: the name is misspelt, a handler was forgotten, or no process runs",
        parts: Parts::Arguments,
        by_hand: "start a process with a handler for the task; cancel the jobs with `mainspring jobs cancel --task NAME` if \
            none shall have one",
        query: Cow::Owned(format!(
            "WITH RECURSIVE {} SELECT format('no living worker knows the task %s, and its oldest job is ready for %s', o.task, \
                 date_trunc('second', mainspring.now() - o.run_at)), NULL::text[] \
             FROM oldest AS o WHERE o.run_at < mainspring.now() - interval '1 minute' \
                 AND NOT EXISTS (SELECT FROM mainspring.paused_tasks AS p WHERE p.task = o.task) AND {UNKNOWN} \
             ORDER BY o.run_at LIMIT 20",
            oldest_ready()
        )),
    }
}

// Admitted jobs that no process takes keep their slots. The first hundred of each task are looked at.
fn queue_stuck() -> Check {
    Check {
        code: Code::QueueStuck,
        needs: Needs::Reading,
        expected: "slots of jobs that a worker can run",
        harm: "no other job of the queue is admitted; the cure has those that hold the slots come back in a day",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Owned(format!(
            "WITH RECURSIVE {}, held AS (SELECT k.queue, array_agg(k.id ORDER BY k.id) AS ids FROM oldest AS o \
                 CROSS JOIN LATERAL (SELECT j.id, j.queue FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NULL \
                     AND j.task = o.task ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT 100) AS k \
                 WHERE k.queue IS NOT NULL AND o.run_at < mainspring.now() - interval '1 minute' AND {UNKNOWN} GROUP BY k.queue) \
             SELECT format('all %s slots of the queue %s are held by jobs of tasks that no living worker knows, such as job %s', \
                     q.concurrency, q.name, h.ids[1]), \
                 ARRAY['jobs', 'reschedule', '--in', '1d'] || h.ids::text[] \
             FROM held AS h JOIN mainspring.queues AS q ON q.name = h.queue AND q.concurrency <= cardinality(h.ids) \
             WHERE EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = q.name) \
             ORDER BY q.name LIMIT 20",
            oldest_ready()
        )),
    }
}

// The first job of the task in the order of claims, so that jobs of smaller priority may wait for any time.
fn jobs_late() -> Check {
    Check {
        code: Code::JobsLate,
        needs: Needs::Reading,
        expected: "jobs that an idle worker takes at once",
        harm: "work waits although there is room for it: a transaction holds the row, or claims do not find it",
        parts: Parts::Sql,
        by_hand: "look at the log of the worker and at `mainspring explain ID`; a restart of the worker looks everywhere",
        query: Cow::Owned(format!(
            "WITH RECURSIVE {}, first AS (SELECT k.* FROM oldest AS o CROSS JOIN LATERAL ( \
                 SELECT j.id, j.task, coalesce(j.turn_at, j.run_at) AS turn FROM mainspring.jobs AS j \
                 WHERE j.state = 'ready' AND j.flags IS NULL AND j.task = o.task \
                 ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT 1) AS k \
                 WHERE NOT EXISTS (SELECT FROM mainspring.all_paused) \
                     AND NOT EXISTS (SELECT FROM mainspring.paused_tasks AS p WHERE p.task = o.task) \
                     AND NOT EXISTS (SELECT FROM mainspring.task_limits AS l WHERE l.task = o.task)) \
             SELECT format('job %s of the task %s is ready for %s, and the worker %s has room', f.id, f.task, \
                     date_trunc('second', mainspring.now() - f.turn), w.id) \
                     || coalesce(format(': the session %s holds its row', h.pid), ''), \
                 CASE WHEN h.pid IS NOT NULL THEN ARRAY[format('SELECT pg_terminate_backend(%s)', h.pid)] END \
             FROM first AS f CROSS JOIN LATERAL (SELECT w.id FROM mainspring.workers AS w WHERE f.task = ANY (w.tasks) \
                 AND mainspring.is_alive(w.heartbeat_at, w.timeout) AND cardinality(w.problems) = 0 \
                 AND w.concurrency > (SELECT count(*) FROM (SELECT FROM mainspring.jobs AS r WHERE r.state = 'running' \
                     AND r.worker_id = w.id LIMIT w.concurrency) AS r) ORDER BY w.id LIMIT 1) AS w \
             LEFT JOIN LATERAL (SELECT e.details ->> 'pid' AS pid FROM mainspring.explain_job(f.id) AS e \
                 WHERE e.reason = 'locked' AND e.details ? 'pid' LIMIT 1) AS h ON true \
             WHERE f.turn < mainspring.now() - interval '5 minutes' ORDER BY f.turn LIMIT 20",
            oldest_ready()
        )),
    }
}

// About the task of `o`.
const UNKNOWN: &str = "NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE o.task = ANY (w.tasks) \
    AND mainspring.is_alive(w.heartbeat_at, w.timeout))";
