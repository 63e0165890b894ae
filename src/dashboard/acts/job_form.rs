//! The form by which a person adds a job: what it holds, and the job that it describes.

use serde::Deserialize;

use super::fields::{flags, integer, moment};
use crate::job::NewJob;

/// The texts of the form. An empty one stands for the default; a payload must be there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    pub(super) task: String,
    pub(super) payload: String,
    pub(super) queue: String,
    pub(super) priority: String,
    pub(super) max_attempts: String,
    pub(super) key: String,
    pub(super) flags: String,
    pub(super) run_at: String,
    /// That of the job which the new one is like.
    pub(super) version: String,
}

impl Form {
    /// The job that it describes, with this payload: that of the form, or the same with its redacted values.
    pub(super) fn job(&self, payload: &str) -> Result<NewJob, String> {
        let job = NewJob::from_json(self.task.clone(), payload).map_err(|error| error.to_string())?;
        let mut options = job.options().clone();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (options.queue, options.key) = (text(&self.queue), text(&self.key));
        options.priority = integer("priority", &self.priority)?;
        options.max_attempts = integer("max_attempts", &self.max_attempts)?;
        options.version = text(&self.version)
            .map(|version| version.parse())
            .transpose()
            .map_err(|_| "version must be an integer from 0 to 2147483647".to_owned())?;
        options.run_at = moment("run_at", &self.run_at)?;
        options.flags = flags(&self.flags).map(str::to_owned).collect();
        Ok(job.with_options(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_a_job_or_names_the_field_that_does_not_fit() {
        let filled = || Form { task: "report".into(), payload: "{\"a\": 1}".into(), ..Form::default() };
        let form = Form { key: "k".into(), priority: "-5".into(), flags: "a, b".into(), ..filled() };
        let job = form.job(&form.payload);
        let expected = NewJob::from_json("report", "{\"a\": 1}").unwrap().key("k").priority(-5);
        assert_eq!(job, Ok(expected.flags(["a", "b"])));
        for (wrong, problem) in [
            (Form { payload: String::new(), ..filled() }, "payload must be JSON"),
            (Form { payload: "{s3cret".into(), ..filled() }, "payload must be JSON"),
            (Form { priority: "high".into(), ..filled() }, "priority must be an integer"),
            (Form { max_attempts: "40000".into(), ..filled() }, "max_attempts must be an integer"),
            (Form { run_at: "soon".into(), ..filled() }, "run_at must be a time"),
        ] {
            let refused = wrong.job(&wrong.payload).unwrap_err();
            assert!(refused.starts_with(problem) && !refused.contains("s3cret"), "{refused}");
        }
    }
}
