//! `tasks`: lists what workers have published of their tasks, and warns of tasks that no living worker knows.

use std::io::Write;

use clap::Subcommand;
use mainspring::status::DETAIL_COUNT_CAP;
use mainspring::tasks::{self, PublishedTask};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};
use crate::status::count;

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// List the tasks that workers have published, with the options of their jobs and how many living workers know each.
    #[command(
        after_help = "Examples:\n  mainspring tasks list\n  mainspring tasks list --json | jq '.[] | select(.workers == 0)'"
    )]
    List(ListingOptions),
}

pub(crate) fn run(
    source: &mut Source,
    TasksCommand::List(listing): TasksCommand,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let tasks: Vec<PublishedTask> = source.read(Query::new("tasks"), |conn| tasks::list(conn))?;
    if listing.json {
        return output::json(out, &tasks);
    }
    let headings = ["TASK", "VERSION", "QUEUE", "PRIORITY", "MAX ATTEMPTS", "WORKERS", "READY"];
    output::table(out, headings, tasks.into_iter().map(cells).collect())
}

fn cells(task: PublishedTask) -> [String; 7] {
    let number =
        |number: Option<i16>| number.map_or_else(|| "default".to_owned(), |number| number.to_string());
    [
        task.name,
        task.version.to_string(),
        task.queue.unwrap_or_default(),
        number(task.priority),
        number(task.max_attempts),
        if task.workers == 0 { "none knows it".to_owned() } else { task.workers.to_string() },
        count(task.ready, DETAIL_COUNT_CAP),
    ]
}

/// Warns on the standard error if no living worker knows the task. What was done stays done, also where this cannot be found out.
pub(crate) fn warn_of_unknown(source: &mut Source, task: &str) {
    let is_unknown = match source {
        Source::Database(database) => {
            tasks::unknown(&mut database.session(), &[task]).is_ok_and(|unknown| !unknown.is_empty())
        }
        Source::Api(api) => api.read(&Query::new("tasks")).is_ok_and(|known: Vec<PublishedTask>| {
            !known.iter().any(|known| known.name == task && known.workers > 0)
        }),
    };
    if is_unknown {
        let task = output::printable(&output::middle_cut(task));
        eprintln!("mainspring: warning: no living worker knows the task {task}: its jobs wait for one");
    }
}
