//! Announces fires: by logs, by events, and to the QueueActor for their jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::queue::QueueActor;
use crate::cron::Late;
use crate::engine::Wake;
use crate::event::Event;
use crate::shared::Shared;
use crate::store::claim::Position;
use crate::store::schedules::{FaultySchedule, Fired, LeftOut, Mended};
use crate::text::one_line;

// Beyond this number, one wake of everything is cheaper than a wake for each queue.
const MAX_QUEUES_NAMED: usize = 8;
// The others of the same kind are counted in one line.
const MAX_LINES: usize = 10;

fn publish_fired(shared: &Shared, identifier: &str, due: DateTime<Utc>, backfilled: bool, job: i64) {
    shared.events.publish(|| Event::CronFired {
        identifier: identifier.to_owned(),
        due_at: due,
        backfilled,
        job,
    });
}

pub(super) fn faulty(faulty: &[FaultySchedule]) {
    for FaultySchedule { name, error } in faulty.iter().take(MAX_LINES) {
        log::error!("schedule `{}` fires no more until it is changed: {}", one_line(name), one_line(error));
    }
    others(faulty.len(), "fire no more until they are changed");
}

pub(super) fn left_out(left_out: &[LeftOut]) {
    for LeftOut { name, first, count } in left_out.iter().take(MAX_LINES) {
        log::warn!(
            "schedule `{}` has missed {count} fires from {first} on, and does not make up for them",
            one_line(name)
        );
    }
    others(left_out.len(), "have missed fires and do not make up for them");
}

pub(super) fn late(news: &[Late]) {
    for Late { name, reason, .. } in news.iter().take(MAX_LINES) {
        log::warn!("schedule `{}` is late, and is tried again: {}", one_line(name), one_line(reason));
    }
    others(news.len(), "are late, and are tried again");
}

pub(super) fn late_no_more(ended: &[Late]) {
    for Late { name, .. } in ended.iter().take(MAX_LINES) {
        log::info!("schedule `{}` is late no more", one_line(name));
    }
    others(ended.len(), "are late no more");
}

pub(super) fn mended(mended: &[Mended]) {
    let text = |moment: Option<DateTime<Utc>>| {
        moment.map_or_else(|| "never".to_owned(), |moment| moment.to_string())
    };
    for Mended { name, stored, right, last_ahead } in mended.iter().take(MAX_LINES) {
        let schedule = one_line(name);
        let right = text(*right);
        match last_ahead {
            Some(last) => log::warn!(
                "schedule `{schedule}`: its last fire, {last}, lies ahead of the database's clock; it fires next at {right}"
            ),
            None => log::warn!(
                "schedule `{schedule}`: its stored next fire was {}; by this program it is {right}",
                text(*stored)
            ),
        }
    }
    others(mended.len(), "had another next fire stored than this program computes");
}

fn others(count: usize, what: &str) {
    if let Some(others) = count.checked_sub(MAX_LINES).filter(|others| *others > 0) {
        log::warn!("{others} other schedules {what}");
    }
}

// Logs and publishes the fires, and wakes the QueueActor for their jobs.
pub(super) fn fires(shared: &Shared, fired: &Fired) {
    let level = shared.config.job_log_level;
    for fire in &fired.fires {
        match fire.job_id {
            Some(id) => {
                log::log!(level, "schedule `{}` fired for {}: job {id}", one_line(&fire.name), fire.due);
                publish_fired(shared, &fire.name, fire.due, fire.is_late, id);
            }
            None => log::log!(
                level,
                "schedule `{}` was due at {}: {}",
                one_line(&fire.name),
                fire.due,
                fire.outcome
            ),
        }
    }
    let added = || fired.fires.iter().filter(|fire| fire.job_id.is_some());
    let mut queues: BTreeMap<&String, Option<Position>> = BTreeMap::new();
    for (queue, position) in
        added().filter_map(|fire| fire.queue.as_ref().map(|queue| (queue, fire.position)))
    {
        let least = queues.entry(queue).or_insert(position);
        *least = (*least).min(position);
    }
    if queues.len() > MAX_QUEUES_NAMED {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    queues
        .into_iter()
        .for_each(|(queue, position)| shared.send::<QueueActor, _>(Wake::Parked(queue.clone(), position)));
    let marks = added().filter(|fire| fire.queue.is_none()).filter_map(|fire| fire.position);
    let marks: Vec<Position> = marks.collect();
    let now = fired.now.unwrap_or_default();
    // A job that became due while it was stored is ready already.
    let due = || marks.iter().filter(|position| position.turn_at <= now + TimeDelta::seconds(1));
    let first =
        due().map(|position| position.priority).min().zip(due().map(|position| position.turn_at).min());
    if let Some((priority, turn_at)) = first {
        shared.send::<QueueActor, _>(Wake::Ready(Position { priority, turn_at }));
    }
    if marks.iter().any(|position| position.turn_at > now) {
        shared.send::<QueueActor, _>(Wake::DueSoon);
    }
}
