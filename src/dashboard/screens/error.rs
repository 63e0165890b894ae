//! One group of errors: how often, since when, and the last of them with all its causes.

use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::text::{first_line, lines, name};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::visit::Visit;
use crate::lifecycle::JobState;
use crate::store::errors::ErrorGroup;

/// A shorter text is in too many errors.
const SHORTEST_PART: usize = 4;

#[derive(Deserialize)]
struct Wanted {
    fingerprint: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { fingerprint } = visit.query()?;
    let found = visit.scheduler().error_group(fingerprint).await?;
    let group = found.filter(|group| group.fingerprint != ErrorGroup::OTHERS);
    let group = group.ok_or_else(|| Failure::NotFound("There is no such group of errors.".to_owned()))?;
    let body = html! {
        h1 { (first_line(&group.summary)) }
        (facts(&group, visit))
        section aria-labelledby="sample" {
            h2 #sample { "The last one" }
            @if let Some(id) = group.job_id {
                p { a href=(links::job(id)) { "Job " (id) } @if let Some(attempt) = group.attempt { ", attempt " (attempt) } }
            }
            @match &group.error { Some(error) => (lines(error)), None => (empty("It is not kept.", "")) }
        }
    };
    Ok(Page::live("Error", Place::Errors, body))
}

fn facts(group: &ErrorGroup, visit: &Visit) -> Markup {
    let of_error = |state| {
        link("jobs", &[("state", state), ("task", &group.task), ("error", common_part(&group.summary))])
    };
    html! {
        dl.facts {
            div { dt { "Task" } dd { a href=(links::jobs_of_task(&group.task)) { (name(&group.task)) } } }
            div { dt { "Failed, tried again" } dd { (count(group.failed)) } }
            div { dt { "Dead" } dd { a href=(of_error(JobState::Dead.as_str())) { (count(group.dead)) } } }
            div { dt { "Jobs" } dd { a href=(of_error("")) { "those whose last error is like this" } } }
            div { dt { "First seen" } dd { (moment_and_age(group.first_seen, visit.now)) } }
            div { dt { "Last seen" } dd { (moment_and_age(group.last_seen, visit.now)) } }
        }
        p.muted { "Counts are of all the time that is kept: 90 days." }
    }
}

/// The longest part of a summary that each error of its group has as it is, or nothing if that is short. A summary has `#` for
/// numbers, and no text between quotes.
fn common_part(summary: &str) -> &str {
    let parts = summary.split('#').flat_map(|part| part.split("\"\""));
    let parts = parts.flat_map(|part| part.split("''")).flat_map(|part| part.split("``")).map(str::trim);
    parts.filter(|part| part.len() >= SHORTEST_PART).max_by_key(|part| part.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_part_is_in_each_error_of_the_group() {
        for (summary, expected) in [
            ("disk on fire", "disk on fire"),
            ("order # not found in ``", "not found in"),
            ("no file \"\" and '' for ``", "no file"),
            ("it's ''", "it's"),
            ("# #", ""),
            ("a#b", ""),
            ("", ""),
        ] {
            assert_eq!(common_part(summary), expected, "{summary}");
        }
    }
}
