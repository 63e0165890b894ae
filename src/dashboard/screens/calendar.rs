//! When schedules fire: a week, day by day, by the clock of one zone.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};
use serde::Deserialize;

use crate::cron::{CronExpression, Recurrence, read_zone};
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::text::{name, times};
use crate::dashboard::visit::Visit;
use crate::store::schedules::{ScheduleFilter, ScheduleRow};

const DAYS: i64 = 7;
/// Schedules that are read.
const MOST_SCHEDULES: u32 = 500;
/// One with more fires a day than this is named once, above the days.
const OFTEN: usize = 24;
/// Fires of a day that are shown.
const MOST_OF_A_DAY: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    zone: String,
    /// The first day, such as 2026-11-30; empty for today.
    from: String,
}

/// One fire of a schedule or a crontab line.
#[derive(Debug)]
struct Fire<'a> {
    at: DateTime<Tz>,
    of: &'a ScheduleRow,
}

/// The fires of some days.
#[derive(Debug, Default)]
struct Week<'a> {
    days: BTreeMap<NaiveDate, Vec<Fire<'a>>>,
    often: Vec<&'a ScheduleRow>,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let (zone, first) = wanted.read(visit.now)?;
    let mut filter = ScheduleFilter::new();
    filter.limit = MOST_SCHEDULES;
    let mut rows = visit.scheduler().schedules().list(filter).await?;
    let is_cut = rows.len() == MOST_SCHEDULES as usize;
    let stored = rows.len();
    rows.extend(visit.scheduler().schedules().lines().await?);
    let week = Week::of(&rows, zone, first, visit.now);
    let is_stored = |row: &ScheduleRow| rows[..stored].iter().any(|other| std::ptr::eq(other, row));
    let body = html! {
        h1 { "Calendar" }
        (form(&wanted, zone))
        @if is_cut { p.muted { "Only the first " (MOST_SCHEDULES) " schedules are shown, by their names." } }
        @if !week.often.is_empty() {
            section aria-labelledby="often" {
                h2 #often { "More often than each hour" }
                ul.plain { @for row in &week.often { li { (named(row, is_stored(row))) ": " span.muted { (words(row)) } } } }
            }
        }
        @if week.days.values().all(Vec::is_empty) { (empty("No other schedule fires in these days.", "")) } @else {
            div.week { @for (day, fires) in &week.days { (column(*day, fires, &is_stored)) } }
        }
        (turning(&wanted, first))
    };
    Ok(Page::live("Calendar", Place::Schedules, body))
}

impl Wanted {
    fn read(&self, now: DateTime<Utc>) -> Result<(Tz, NaiveDate), Failure> {
        let zone = if self.zone.is_empty() { "UTC" } else { &self.zone };
        let zone = read_zone(zone).map_err(|problem| Failure::Invalid(problem.to_string()))?;
        if self.from.is_empty() {
            return Ok((zone, now.with_timezone(&zone).date_naive()));
        }
        let refused = || Failure::Invalid("from must be a day such as 2026-11-30".to_owned());
        let day: NaiveDate = self.from.parse().map_err(|_| refused())?;
        let years = TimeDelta::days(366 * 10);
        let today = now.date_naive();
        if (today - years..=today + years).contains(&day) { Ok((zone, day)) } else { Err(refused()) }
    }

    fn from(&self, day: NaiveDate) -> String {
        link("calendar", &[("zone", &self.zone), ("from", &day.to_string())])
    }
}

impl<'a> Week<'a> {
    fn of(rows: &'a [ScheduleRow], zone: Tz, first: NaiveDate, now: DateTime<Utc>) -> Self {
        let days = (0..DAYS).map(|day| (first + TimeDelta::days(day), Vec::new()));
        let mut week = Self { days: days.collect(), often: Vec::new() };
        rows.iter()
            .filter(|row| !row.paused && row.error.is_none())
            .for_each(|row| week.add(row, zone, first, now));
        week.days.values_mut().for_each(|fires| fires.sort_by_key(|fire| fire.at));
        week
    }

    fn add(&mut self, row: &'a ScheduleRow, zone: Tz, first: NaiveDate, now: DateTime<Utc>) {
        let Ok(recurrence) = Recurrence::read(&row.expression, &row.zone, row.starts_at, row.ends_at) else {
            return;
        };
        // A day of the zone begins at most a day from that of UTC.
        let begin = (first.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc() - TimeDelta::days(1)).max(now);
        let last = first + TimeDelta::days(DAYS);
        let fires = recurrence.fires_after(begin).map(|at| at.with_timezone(&zone));
        let fires = fires.skip_while(|at| at.date_naive() < first).take_while(|at| at.date_naive() < last);
        let mut by_day: BTreeMap<NaiveDate, Vec<Fire<'a>>> = BTreeMap::new();
        for at in fires {
            let of_day = by_day.entry(at.date_naive()).or_default();
            if of_day.len() == OFTEN {
                return self.often.push(row);
            }
            of_day.push(Fire { at, of: row });
        }
        for (day, fires) in by_day {
            self.days.entry(day).or_default().extend(fires);
        }
    }
}

fn form(wanted: &Wanted, zone: Tz) -> Markup {
    html! {
        form.filter method="get" action="calendar" aria-label="Calendar" {
            label { "Zone" input type="text" name="zone" value=(zone.name()) autocomplete="off"; }
            label { "From" input type="date" name="from" value=(wanted.from); }
            button.button type="submit" { "Show" }
            a href="schedules" { "All schedules" }
        }
    }
}

fn column(day: NaiveDate, fires: &[Fire<'_>], is_stored: &impl Fn(&ScheduleRow) -> bool) -> Markup {
    html! {
        section aria-labelledby={ "day-" (day) } {
            h2 id={ "day-" (day) } { (day.format("%a %Y-%m-%d")) }
            @if fires.is_empty() { p.muted { "Nothing fires." } }
            ol.plain {
                @for fire in fires.iter().take(MOST_OF_A_DAY) {
                    li.clip {
                        span.muted title=(fire.at.with_timezone(&Utc).to_rfc3339()) { (fire.at.format("%H:%M")) } " "
                        (named(fire.of, is_stored(fire.of)))
                    }
                }
            }
            @if let Some(more) = fires.len().checked_sub(MOST_OF_A_DAY).filter(|more| *more > 0) {
                p.muted { "and " (times(more as u64, "more fire")) }
            }
        }
    }
}

// A line of a program has no page of its own.
fn named(row: &ScheduleRow, is_stored: bool) -> Markup {
    html! { @if is_stored { a href=(links::schedule(&row.name)) { (name(&row.name)) } } @else { (name(&row.name)) } }
}

fn words(row: &ScheduleRow) -> String {
    CronExpression::parse(&row.expression).map_or_else(|_| row.expression.clone(), |found| found.describe())
}

fn turning(wanted: &Wanted, first: NaiveDate) -> Markup {
    html! {
        nav.pages aria-label="Weeks" {
            a.button href=(wanted.from(first - TimeDelta::days(DAYS))) { "Week before" }
            a.button href=(wanted.from(first + TimeDelta::days(DAYS))) rel="next" { "Week after" }
        }
    }
}
