//! The texts of the statements that add jobs.

// The statement makes the array of new jobs itself, as the SQL function `enqueue` does. To make it in a function of its own costs
// 50 microseconds a statement.
macro_rules! adding_by {
    ($function:literal) => {
        adding_by!($function, "s.run_at", "", "")
    };
    // Times that count from now, by the database's clock.
    ($function:literal, delayed) => {
        adding_by!(
            $function,
            "CASE WHEN s.run_in IS NULL THEN s.run_at ELSE mainspring.now() + s.run_in * interval '1 microsecond' END",
            ", {}",
            ", run_in"
        )
    };
    ($function:literal, $run_at:literal, $more:literal, $named:literal) => {
        concat!(
            "SELECT ordinal, job_id, job_priority, job_run_at, \
             CASE WHEN job_state <> 'waiting' THEN job_state = 'parked' END, CASE WHEN job_state = 'scheduled' \
             THEN greatest(0, ceil(extract(epoch FROM job_run_at - mainspring.now()) * 1000))::bigint END FROM mainspring.",
            $function,
            "(ARRAY(SELECT ROW(s.task, s.payload, s.queue, ",
            $run_at,
            ", s.priority, s.max_attempts, s.key, s.key_mode, \
             CASE WHEN s.flags IS NOT NULL THEN mainspring.labels_of(s.flags) END, s.trace_context, s.version)::mainspring.new_job \
             FROM unnest({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}",
            $more,
            ") AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version",
            $named,
            ")))"
        )
    };
}

/// A statement for jobs without delays, and the same for jobs with delays.
pub(super) struct Adding {
    pub(super) plain: &'static str,
    pub(super) delayed: &'static str,
}

pub(super) const ADD: Adding =
    Adding { plain: adding_by!("enqueue_jobs"), delayed: adding_by!("enqueue_jobs", delayed) };
pub(super) const ADD_PROMPTLY: Adding =
    Adding { plain: adding_by!("enqueue_promptly"), delayed: adding_by!("enqueue_promptly", delayed) };

/// The same for jobs of which some only name their task: these get what it has published. Of the others nothing is looked up.
pub(super) fn with_task_options(text: &str) -> String {
    let Some((call, array)) = text.strip_suffix(')').and_then(|text| text.split_once("ARRAY(")) else {
        return text.to_owned();
    };
    format!("{call}mainspring.with_task_options(ARRAY({array}, {{}}))")
}

/// The same for jobs of which some wait for others.
pub(super) fn waiting(text: &str) -> String {
    let call = text.strip_suffix(')').unwrap_or(text).replacen("enqueue_jobs(", "enqueue_waiting(", 1);
    format!("{call}, {{}}::jsonb[])")
}

/// The same for the jobs of a workflow. It returns the workflow, the place and the id of each.
pub(super) fn in_workflow(text: &str) -> String {
    let call = text.strip_suffix(')').and_then(|text| text.split_once("mainspring.enqueue_jobs("));
    let array = call.map_or("", |(_, array)| array);
    format!("SELECT flow_id, ordinal, job_id FROM mainspring.enqueue_workflow({array}, {{}}::jsonb)")
}
