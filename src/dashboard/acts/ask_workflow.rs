//! The pages that ask before a workflow is cancelled, and for the value of a signal.

use maud::html;

use super::signals;
use super::workflows::Of;
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::form::{Weight, action};
use crate::dashboard::parts::text::name;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;

/// Asks whether a workflow is to be cancelled, and why.
pub(super) async fn cancellation(visit: &Visit) -> Result<Page, Failure> {
    let Of { id } = visit.query()?;
    let row = visit.workflow(id).await?;
    let title = format!("Cancel workflow {id}?");
    let body = html! {
        h1 { (title) }
        p { "Its name is " strong { (name(&row.name)) } "." }
        form.act method="post" action=(action(Deed::CancelWorkflow, ("id", &id.to_string()))) {
            p {
                "All its jobs that have not ended are cancelled, and its callback. Those that wait are gone at once, and running \
                 ones are told to end. Dead jobs stay. It takes no more jobs."
            }
            label { "Reason, for the history" input type="text" name="reason" maxlength="500" autocomplete="off"; }
            div.actions {
                button class=(Weight::Danger.class()) type="submit" { "Cancel the workflow" }
                a.button href=(links::workflow(id)) { "Back" }
            }
        }
    };
    Ok(Page::still(title, Place::Workflows, body))
}

/// Asks for the value of a signal.
pub(super) fn signal(visit: &Visit) -> Result<Page, Failure> {
    let of: signals::Of = visit.query()?;
    let body = html! {
        h1 { "Send a signal" }
        p { "Its name is " strong { (name(&of.name)) } "." }
        form.act method="post" action=(of.action()) {
            p { "It is sent once. The value goes to the jobs that wait for it, and to those that come within 90 days." }
            label {
                "Value, JSON, empty for null"
                textarea name="value" rows="3" spellcheck="false" dir="auto" {}
            }
            div.actions {
                button class=(Weight::Main.class()) type="submit" { "Send the signal" }
                a.button href=(of.back()) { "Back" }
            }
        }
    };
    Ok(Page::still("Send a signal", Place::Workflows, body))
}
