//! The crontab lines of the program are stored when it starts. A line that cannot be stored is tried again by itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::schedules::register_lines;
use crate::text::one_line;

// A clock that was set, or a machine that slept, is noticed after this time at the latest.
pub(super) const MAX_SLEEP: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Which lines are stored.
#[derive(Debug, Default)]
pub(super) enum Registration {
    /// None yet.
    #[default]
    Due,
    /// All but these, which are tried again at that time.
    Partly { missing: BTreeSet<String>, retry_at: Instant, pause: Duration },
    /// All of them.
    Done,
}

impl Registration {
    /// Stores the lines that are not stored yet, unless it is too early to try again.
    pub(super) async fn store(&mut self, shared: &Shared, now: Instant) -> Result<(), StoreError> {
        let (missing, pause) = match self {
            Self::Due => (None, FIRST_PAUSE),
            Self::Partly { missing, retry_at, pause } if *retry_at <= now => {
                (Some(std::mem::take(missing)), (*pause * 2).min(MAX_SLEEP))
            }
            Self::Partly { .. } | Self::Done => return Ok(()),
        };
        let mut lines = shared.config.crontab.clone();
        lines.retain(|line| missing.as_ref().is_none_or(|missing| missing.contains(&line.identifier)));
        for line in &mut lines {
            line.options.version = line.options.version.or_else(|| shared.known.version_of(&line.task));
        }
        let (worker_id, since_start) = (shared.worker_id(), shared.started_at.elapsed());
        let stored = shared
            .store
            .run(Durability::Durable, move |conn| register_lines(conn, worker_id, &lines, since_start))
            .await;
        let refused = match stored {
            Ok(refused) => refused,
            Err(error) => {
                *self = Self::again(missing, now, pause);
                return Err(error);
            }
        };
        for (name, reason) in
            refused.iter().filter(|(name, _)| !missing.iter().flatten().any(|known| known == name))
        {
            log::error!(
                "line `{}` of the crontab cannot be stored, and is tried again: {}",
                one_line(name),
                one_line(reason)
            );
        }
        for name in missing.iter().flatten().filter(|name| refused.iter().all(|(other, _)| other != *name)) {
            log::info!("line `{}` of the crontab is stored", one_line(name));
        }
        let names: BTreeSet<String> = refused.into_iter().map(|(name, _)| name).collect();
        *self = if names.is_empty() { Self::Done } else { Self::again(Some(names), now, pause) };
        Ok(())
    }

    fn again(missing: Option<BTreeSet<String>>, now: Instant, pause: Duration) -> Self {
        missing.map_or(Self::Due, |missing| Self::Partly { missing, retry_at: now + pause, pause })
    }

    /// Returns how long it is until the next try.
    pub(super) fn until_next(&self, now: Instant) -> Duration {
        match self {
            Self::Partly { retry_at, .. } => retry_at.saturating_duration_since(now),
            Self::Due | Self::Done => MAX_SLEEP,
        }
    }
}
