//! Links between the pages. All are relative and have one segment: the browser puts the rest before them, whatever a proxy made of
//! the prefix.

use form_urlencoded::Serializer;

use super::deed::Deed;

/// The overview.
pub(super) const HOME: &str = "./";

/// From a page of a scheduler that is not the first to the overview of the first.
pub(super) const UP: &str = "../";

/// A link to a path of the table of routes, with its query. Pairs with an empty value are left out.
pub(super) fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    pairs.for_each(|(name, value)| {
        query.append_pair(name, value);
    });
    let query = query.finish();
    let path = if path.is_empty() { HOME } else { path };
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

pub(super) fn job(id: i64) -> String {
    format!("job?id={id}")
}

pub(super) fn operation(id: i64) -> String {
    format!("operation?id={id}")
}

pub(super) fn workflow(id: i64) -> String {
    format!("workflow?id={id}")
}

/// The page that sends a signal, from the page of a job or a workflow.
pub(super) fn send_signal(signal: &str, from: &str, id: i64) -> String {
    link(Deed::SendSignal.path(), &[("name", signal), (from, &id.to_string())])
}

pub(super) fn queue(name: &str) -> String {
    link("queue", &[("name", name)])
}

pub(super) fn schedule(name: &str) -> String {
    link("schedule", &[("name", name)])
}

/// The acts on one thing.
pub(super) fn audit_of(kind: &str, subject: &str) -> String {
    link("audit", &[("kind", kind), ("subject", subject)])
}

/// The acts of one person.
pub(super) fn audit_by(who: &str) -> String {
    link("audit", &[("who", who)])
}

pub(super) fn jobs_of_task(task: &str) -> String {
    link("jobs", &[("task", task)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_carries_any_name_and_leaves_out_what_is_empty() {
        assert_eq!(link("jobs", &[("task", ""), ("queue", "a&b=c/..")]), "jobs?queue=a%26b%3Dc%2F..");
        assert_eq!(link("", &[]), "./");
        assert_eq!(queue("é\" <x>"), "queue?name=%C3%A9%22+%3Cx%3E");
    }
}
