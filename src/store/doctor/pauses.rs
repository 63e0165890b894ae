//! Pauses that may be forgotten, and dead or held jobs that pile up.

use std::borrow::Cow;

use super::check::{Check, Needs, Parts};
use super::code::Code;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: Code::EverythingPaused,
        needs: Needs::Reading,
        expected: "a pause of everything that ends within a day",
        harm: "no process claims, admits or fires anything",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('everything is paused since %s', a.paused_at), ARRAY['resume', '--all'] \
             FROM mainspring.all_paused AS a WHERE a.paused_at < mainspring.now() - interval '1 day'",
        ),
    },
    Check {
        code: Code::TaskPaused,
        needs: Needs::Reading,
        expected: "a pause that ends within a day, or that no job waits for",
        harm: "jobs of the task wait",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the task %s is paused since %s, and jobs wait', p.task, p.paused_at), \
                 ARRAY['queues', 'resume', '--task=' || p.task] \
             FROM mainspring.paused_tasks AS p WHERE p.paused_at < mainspring.now() - interval '1 day' \
                 AND (EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NULL AND j.task = p.task) \
                     OR EXISTS (SELECT FROM mainspring.jobs AS j \
                         WHERE j.state = 'ready' AND j.flags IS NOT NULL AND j.task = p.task)) \
             ORDER BY p.paused_at LIMIT 20",
        ),
    },
    // The row of a queue does not keep since when it is paused. Other changes of its settings set the time too.
    Check {
        code: Code::QueuePaused,
        needs: Needs::Reading,
        expected: "a pause that ends within a day, or that no job waits for",
        harm: "jobs of the queue wait",
        parts: Parts::Arguments,
        by_hand: "",
        query: Cow::Borrowed(
            "SELECT format('the queue %s is paused, unchanged since %s, and jobs wait', q.name, q.updated_at), \
                 ARRAY['queues', 'resume', '--', q.name] \
             FROM mainspring.queues AS q WHERE q.paused AND q.updated_at < mainspring.now() - interval '1 day' \
                 AND EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = q.name) \
             ORDER BY q.updated_at LIMIT 20",
        ),
    },
    // It reads 10,000 entries of the index of dead jobs at most, the oldest first.
    Check {
        code: Code::DeadJobsMany,
        needs: Needs::Reading,
        expected: "fewer than 10,000 dead jobs",
        harm: "work is not done, and the table grows: nothing deletes dead jobs unless retention is set",
        parts: Parts::Arguments,
        by_hand: "find the cause with `mainspring jobs list --state dead`, repair it, then `mainspring jobs retry --state dead`",
        query: Cow::Borrowed(
            "SELECT format('at least 10000 jobs are dead, the oldest since %s', \
                     (SELECT min(o.updated_at) FROM mainspring.jobs AS o WHERE o.state = 'dead')), \
                 CASE WHEN d.updated_at < mainspring.now() - interval '30 days' \
                     THEN ARRAY['cleanup', '--dead-older-than', '30d'] END \
             FROM (SELECT j.updated_at FROM mainspring.jobs AS j WHERE j.state = 'dead' \
                 ORDER BY j.updated_at OFFSET 9999 LIMIT 1) AS d",
        ),
    },
    // It reads 1,000 entries of the index of held jobs at most.
    Check {
        code: Code::JobsHeld,
        needs: Needs::Reading,
        expected: "no held jobs",
        harm: "they run only when a person releases them",
        parts: Parts::Arguments,
        by_hand: "mend what their errors say, such as a payload that no longer fits its task, and then run \
            `mainspring jobs release --state held --task NAME`",
        query: Cow::Borrowed(
            "SELECT format('%s jobs of the task %s are held: %s', count(*), h.task, left(min(h.last_error), 300)), NULL::text[] \
             FROM (SELECT j.task, j.last_error FROM mainspring.jobs AS j WHERE j.state = 'held' ORDER BY j.id LIMIT 1000) AS h \
             GROUP BY h.task ORDER BY h.task LIMIT 20",
        ),
    },
];
