//! How well this process has shown lately that it lives, and what follows: whether it claims, and what is logged once.

use std::time::{Duration, Instant};

use crate::actors::queue::{Claims, QueueActor};
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::event::Event;
use crate::shared::Shared;
use crate::store::refusals::{Refusal, RefusalKind};
use crate::text::one_line;

// Connections are tried again every few seconds for as long as one is missing.
const SHORTAGE_LASTS: Duration = Duration::from_secs(60);

/// What the heartbeats and the schema allow.
#[derive(Default)]
pub(super) struct Presence {
    outage: Outage,
    /// Since when the schema is not one that this program can work with.
    misfit: Outage,
    /// Since when the server refuses connections beside those that are open.
    shortage: Outage,
    /// The last message to the QueueActor. `None` until then, because the actor before may have suspended it.
    claims: Option<Claims>,
}

impl Presence {
    /// A heartbeat was confirmed.
    pub(super) fn shown(&mut self, shared: &Shared) {
        if self.outage.recovered() {
            shared.store.server_found();
            // They belong to the outage.
            shared.store.forget_refusals();
            log::info!("the database receives heartbeats again");
            shared.events.publish(|| Event::DatabaseBack);
        }
        shared.store.replace_doubtful();
        self.report_shortage(shared);
        self.set_claims(shared);
    }

    /// A heartbeat failed.
    pub(super) fn failed(&mut self, error: &StoreError, shared: &Shared) {
        if self.outage.failed(Instant::now(), shared.config.heartbeat_interval()) == Failure::First {
            log::error!("heartbeat failed, trying again: {}", one_line(error));
            shared.events.publish(|| Event::DatabaseLost { error: error.to_string() });
        }
        self.set_claims(shared);
    }

    /// The schema was compared with this program.
    pub(super) fn compared(&mut self, schema: Result<(), StoreError>, shared: &Shared) {
        note_schema(&schema, shared);
        match schema {
            Ok(()) if self.misfit.recovered() => {
                log::info!("the schema fits this program again, and jobs are claimed again");
            }
            Ok(()) => {}
            // Statements written for another schema may do anything.
            Err(error) => {
                if self.misfit.failed(Instant::now(), shared.config.heartbeat_interval()) == Failure::First {
                    log::error!("nothing is claimed until this is over: {}", one_line(&error));
                }
            }
        }
        self.set_claims(shared);
    }

    /// The fence has shut.
    pub(super) fn fenced(&mut self, shared: &Shared) {
        log::error!(
            "no heartbeat for so long that others may take this worker for lost: its jobs are interrupted"
        );
        self.set_claims(shared);
    }

    /// The worker has registered under a new id.
    pub(super) fn registered(&mut self, shared: &Shared) {
        self.claims = None;
        self.set_claims(shared);
    }

    pub(super) fn fits(&self) -> bool {
        self.misfit == Outage::Over
    }

    /// Lets the QueueActor claim, or not.
    pub(super) fn set_claims(&mut self, shared: &Shared) {
        let claims = if shared.fence.is_open() && self.fits() { Claims::Resume } else { Claims::Suspend };
        // Suspended each time: a QueueActor that was restarted meanwhile starts with claims.
        if self.claims.replace(claims) != Some(claims) || claims == Claims::Suspend {
            shared.send::<QueueActor, _>(claims);
        }
    }

    // Without room for another connection, statements share the connections that there are.
    fn report_shortage(&mut self, shared: &Shared) {
        match shared.store.refused_within(SHORTAGE_LASTS) {
            Some(refusal) if self.shortage.failed(Instant::now(), SHORTAGE_LASTS) == Failure::First => {
                warn_of_shortage(&refusal);
            }
            None if self.shortage.recovered() => {
                log::info!("the server has refused no connection for a minute");
            }
            Some(_) | None => {}
        }
    }
}

fn note_schema(schema: &Result<(), StoreError>, shared: &Shared) {
    let vitals = &shared.vitals;
    match schema {
        Ok(()) => {
            vitals.schema_too_new.end();
            vitals.schema_unusable.end();
        }
        Err(StoreError::SchemaTooNew { .. }) => {
            vitals.schema_unusable.end();
            vitals.schema_too_new.begin();
        }
        Err(_) => {
            vitals.schema_too_new.end();
            vitals.schema_unusable.begin();
        }
    }
}

fn warn_of_shortage(Refusal { reason, cause }: &Refusal) {
    match cause {
        RefusalKind::TooMany => log::warn!(
            "the server refuses further connections, so work waits for those that are open: {}",
            one_line(reason)
        ),
        RefusalKind::Other => {
            log::warn!("another connection cannot be made, although heartbeats pass: {}", one_line(reason))
        }
    }
}
