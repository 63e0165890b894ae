//! CronActor: sleeps until a schedule is due, and fires it. Crontab lines are schedules that the program owns. What is
//! due when is plain code over times (`crate::cron`). The store makes each fire happen once over all processes.

mod announce;
mod holders;
#[cfg(feature = "testing")]
mod on_request;
mod registration;
mod ticks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::sync::Notify;

#[cfg(feature = "testing")]
pub(crate) use self::on_request::FireDue;
#[cfg(feature = "testing")]
use self::on_request::{Requests, fire_for_each, requests};
use self::registration::MAX_SLEEP;
use self::ticks::Ticks;
use super::death_watch::{DeathWatch, ends_on_leave};
use crate::engine::outage::{Failure, Outage};
use crate::shared::{Role, Shared};
use crate::text::one_line;

const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Fires the lines of the crontab and the stored schedules.
pub(crate) struct CronActor {
    shared: Arc<Shared>,
    changed: Arc<Notify>,
    #[cfg(feature = "testing")]
    requests: Option<Requests>,
    _watch: DeathWatch,
}

/// Stored schedules may have changed. Sent by the listener for notifications, and when it starts or stops to receive them.
/// If it is lost, the next tick finds the change, after a minute at the latest.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SchedulesChanged;

impl CronActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            changed: Arc::default(),
            #[cfg(feature = "testing")]
            requests: None,
            _watch: DeathWatch::new(Role::Cron, shared),
        }
    }
}

ends_on_leave!(CronActor);

impl Actor for CronActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        #[cfg(feature = "testing")]
        if self.shared.config.test.is_some() {
            let (requests, received) = requests();
            self.requests = Some(requests);
            ctx.spawn(fire_for_each(Arc::clone(&self.shared), received).into_actor(self));
            return;
        }
        let (shared, changed) = (Arc::clone(&self.shared), Arc::clone(&self.changed));
        ctx.spawn(fire_forever(shared, changed).into_actor(self));
    }
}

impl Handler<SchedulesChanged> for CronActor {
    type Result = ();

    fn handle(&mut self, _: SchedulesChanged, _: &mut Context<Self>) {
        self.changed.notify_one();
    }
}

#[cfg(feature = "testing")]
impl Handler<FireDue> for CronActor {
    type Result = actix::ResponseFuture<Result<(), crate::error::StoreError>>;

    fn handle(&mut self, _: FireDue, _: &mut Context<Self>) -> Self::Result {
        let fired = self.requests.as_ref().map(Requests::fire);
        Box::pin(async move {
            match fired {
                Some(fired) => fired.await,
                None => Err(crate::error::StoreError::Interrupted),
            }
        })
    }
}

async fn fire_forever(shared: Arc<Shared>, changed: Arc<Notify>) {
    let mut ticks = Ticks::new(Arc::clone(&shared));
    let mut outage = Outage::default();
    loop {
        let begun = Instant::now();
        let rest = match ticks.next().await {
            Ok(rest) => {
                if outage.recovered() {
                    log::info!("cron stores what is due again");
                }
                let rest = rest.min(max_sleep(&shared));
                ticks.rests(rest);
                rest
            }
            Err(error) => {
                ticks.failed(&error, begun.elapsed() + PAUSE_AFTER_ERROR);
                if outage.failed(Instant::now(), PAUSE_AFTER_ERROR) == Failure::First {
                    log::error!(
                        "cron cannot store what is due, trying again each second: {}",
                        one_line(error)
                    );
                }
                PAUSE_AFTER_ERROR
            }
        };
        tokio::select! {
            () = actix_rt::time::sleep(rest) => {}
            () = changed.notified() => {}
        }
    }
}

// Without notifications, polls are how changes are found.
fn max_sleep(shared: &Shared) -> Duration {
    if *shared.listening.borrow() { MAX_SLEEP } else { shared.config.poll_interval().min(MAX_SLEEP) }
}

#[cfg(test)]
mod tests;
