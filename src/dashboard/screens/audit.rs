//! What people have done, the latest first. The filter is the address.

use maud::{Markup, html};
use serde::Deserialize;

use super::filter::number;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table::{Subjects, acts};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::visit::Visit;
use crate::error::SchedulerError;
use crate::store::audit::{AuditEntry, AuditFilter};

/// Acts that the page of a job, a queue or a schedule shows.
const LAST: u32 = 10;

/// The fields of the form, as texts. An empty one is no condition.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    who: String,
    act: String,
    kind: String,
    subject: String,
    before: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let mut rows = visit.scheduler().audit(wanted.filter()?).await?;
    let next = pages::cut(&mut rows).map(|row| wanted.from(&row.id.to_string()));
    let body = html! {
        h1 { "Audit" }
        (form(&wanted))
        @if rows.is_empty() { (wanted.nothing()) } @else { (acts(&rows, Subjects::Shown, visit.now)) }
        (pages::links((!wanted.before.is_empty()).then(|| wanted.from("")), next))
        p.muted { "Lines are kept for 90 days." }
    };
    Ok(Page::live("Audit", Place::Audit, body))
}

/// The last acts on one thing, for its page.
pub(super) async fn acts_on(
    visit: &Visit,
    kind: &str,
    subject: &str,
) -> Result<Vec<AuditEntry>, SchedulerError> {
    let mut filter = AuditFilter::on(kind, subject);
    filter.limit = LAST;
    visit.scheduler().audit(filter).await
}

impl Wanted {
    fn filter(&self) -> Result<AuditFilter, Failure> {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let mut filter = AuditFilter::new();
        (filter.who, filter.act) = (text(&self.who), text(&self.act));
        (filter.kind, filter.subject) = (text(&self.kind), text(&self.subject));
        (filter.before_id, filter.limit) = (number("before", &self.before)?, PAGE + 1);
        Ok(filter)
    }

    fn fields(&self) -> [(&'static str, &'static str, &str); 4] {
        [
            ("who", "Who", &self.who),
            ("act", "Act", &self.act),
            ("kind", "Kind", &self.kind),
            ("subject", "Id or name", &self.subject),
        ]
    }

    fn from(&self, before: &str) -> String {
        let fields = self.fields().map(|(name, _, value)| (name, value));
        link("audit", &[&fields[..], &[("before", before)]].concat())
    }

    fn is_narrow(&self) -> bool {
        self.fields().iter().any(|(_, _, value)| !value.is_empty())
    }

    fn nothing(&self) -> Markup {
        if self.is_narrow() {
            return empty(
                "No act meets these conditions.",
                "Names are compared as they are written, and whole.",
            );
        }
        empty("No act is recorded.", "What viewers do in the dashboard appears here.")
    }
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filter method="get" action="audit" role="search" aria-label="Filter" {
            @for (field, label, value) in wanted.fields() {
                label { (label) input type="text" name=(field) value=(value) dir="auto" autocomplete="off"; }
            }
            button.button type="submit" { "Filter" }
            @if wanted.is_narrow() { a href="audit" { "Clear" } }
        }
    }
}
