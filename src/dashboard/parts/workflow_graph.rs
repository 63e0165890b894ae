//! A drawing of the jobs of a workflow: a column for those that wait for none, and one for each further step. The table beside it has
//! the same in words.

use maud::{Markup, html};

use super::text::plain;
use crate::store::jobs::JobStatus;
use crate::store::workflows::{WorkflowJob, depths, edges};

/// Sizes in pixels: a box, and how far its neighbours are.
const WIDTH: usize = 150;
const HEIGHT: usize = 38;
const COLUMN: usize = 200;
const ROW: usize = 48;
/// Characters that fit into a box.
const LONGEST: usize = 20;

/// A job, and the corner of its box.
struct Drawn {
    title: String,
    state: &'static str,
    x: usize,
    y: usize,
}

/// Draws the jobs; `None` where none waits for another.
pub(in crate::dashboard) fn graph(jobs: &[WorkflowJob]) -> Option<Markup> {
    let edges = edges(jobs);
    if edges.is_empty() {
        return None;
    }
    let drawn = placed(jobs);
    let width = drawn.iter().map(|job| job.x).max().unwrap_or_default() + WIDTH + 2;
    let height = drawn.iter().map(|job| job.y).max().unwrap_or_default() + HEIGHT + 2;
    let words =
        format!("{} jobs and {} waits between them, as in the table of the jobs", jobs.len(), edges.len());
    Some(html! {
        div.scroll.drawn tabindex="0" role="region" aria-label="Graph" {
            svg.graph width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(words) {
                @for (parent, child) in &edges { path d=(line(&drawn[*parent], &drawn[*child])) {} }
                @for job in &drawn { (node(job)) }
            }
        }
    })
}

fn placed(jobs: &[WorkflowJob]) -> Vec<Drawn> {
    let depths = depths(jobs);
    let mut rows = vec![0; depths.iter().max().map_or(0, |most| most + 1)];
    let place = |(job, &depth): (&WorkflowJob, &usize)| {
        let y = 1 + rows[depth] * ROW;
        rows[depth] += 1;
        Drawn {
            title: title(job),
            state: job.state.map_or("gone", JobStatus::as_str),
            x: 1 + depth * COLUMN,
            y,
        }
    };
    jobs.iter().zip(&depths).map(place).collect()
}

fn title(job: &WorkflowJob) -> String {
    let callback = job.is_callback.then_some("the callback");
    match callback.or(job.name.as_deref()).or(job.task.as_deref()) {
        Some(text) => plain(text),
        None => format!("job {}", job.id),
    }
}

// From the right side of the parent to the left side of the job that waits.
fn line(parent: &Drawn, child: &Drawn) -> String {
    let (from, to) = (parent.x + WIDTH, child.x);
    let (start, end) = (parent.y + HEIGHT / 2, child.y + HEIGHT / 2);
    let bend = (COLUMN - WIDTH) / 2;
    format!("M{from} {start}C{} {start} {} {end} {to} {end}", from + bend, to - bend)
}

fn node(job: &Drawn) -> Markup {
    let (x, y) = (job.x + 10, job.y);
    html! {
        g class=(format!("node {}", job.state)) {
            title { (job.title) ", " (job.state) }
            rect x=(job.x) y=(y) width=(WIDTH) height=(HEIGHT) rx="4" {}
            text x=(x) y=(y + 16) { (short(&job.title)) }
            text.word x=(x) y=(y + 31) { (job.state) }
        }
    }
}

fn short(title: &str) -> String {
    match title.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &title[..end]),
        None => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: i64, name: &str, parents: &[i64]) -> WorkflowJob {
        let (parents, signals) = (parents.to_vec(), Vec::new());
        let (name, state) = (Some(name.to_owned()), Some(JobStatus::Dead));
        WorkflowJob { id, name, task: None, state, attempts: None, is_callback: false, parents, signals }
    }

    #[test]
    fn each_job_has_a_box_in_the_column_of_its_step_and_each_wait_a_line() {
        let long = "<b>".repeat(20);
        let jobs = [job(1, "a", &[]), job(2, "b", &[1]), job(3, &long, &[1, 2])];
        let drawn = graph(&jobs).unwrap().into_string();
        assert_eq!((drawn.matches("<rect").count(), drawn.matches("<path").count()), (3, 3));
        for x in [1, 201, 401] {
            assert!(drawn.contains(&format!("<rect x=\"{x}\" y=\"1\"")), "{drawn}");
        }
        assert!(drawn.contains("d=\"M151 20C176 20 176 20 201 20\"") && !drawn.contains("<b>"), "{drawn}");
        assert!(!drawn.contains("style="), "{drawn}");
        assert!(graph(&jobs[..1]).is_none());
    }
}
