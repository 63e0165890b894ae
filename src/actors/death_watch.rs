//! How actors end: by order at a stop, or by a panic. Either way their end is reported, so that the supervisor can start
//! them again.

use std::sync::Arc;

use crate::shared::{Role, Shared};

/// Ends an actor. Sent at a stop. If it is lost, the actor ends with its thread.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Leave;

/// Held by an actor for as long as it lives. Its end is reported when this is dropped.
pub(crate) struct DeathWatch {
    role: Role,
    shared: Arc<Shared>,
}

impl DeathWatch {
    pub(crate) fn new(role: Role, shared: &Arc<Shared>) -> Self {
        Self { role, shared: Arc::clone(shared) }
    }
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        self.shared.report_death(self.role);
    }
}

/// Implements `Handler<Leave>` for an actor.
macro_rules! ends_on_leave {
    ($actor:ty) => {
        impl actix::Handler<$crate::actors::death_watch::Leave> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::actors::death_watch::Leave, ctx: &mut actix::Context<Self>) {
                actix::ActorContext::terminate(ctx);
            }
        }

        #[cfg(test)]
        $crate::actors::tests::panics_on_request!($actor);
    };
}
pub(crate) use ends_on_leave;
