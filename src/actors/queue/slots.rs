//! Which slots can start jobs, as the QueueActor learns it.

use actix::{Context, Handler, Message};

use super::QueueActor;

/// A worker thread is blocked, or goes on. Sent by the monitor, and to each new QueueActor. If it is lost, the QueueActor is
/// dead, and the next one receives it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct SlotsChanged;

impl Handler<SlotsChanged> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: SlotsChanged, ctx: &mut Context<Self>) {
        self.engine.slots_changed(self.shared.slots());
        self.drive(ctx);
    }
}
