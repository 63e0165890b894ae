//! How far a long command has come: a bar on the standard error, if that is a terminal. Nothing for programs, nor over a pipe.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::arguments::ListingOptions;

const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left";
const REDRAW: Duration = Duration::from_millis(100);
/// As a shell reports the end by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// A bar that goes when it is dropped, and when the program is interrupted.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for an act on so many jobs.
    pub(crate) fn of_jobs(verb: &'static str, jobs: u64, listing: &ListingOptions) -> Self {
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::shown(ProgressBar::with_draw_target(Some(jobs), target(Some(listing))).with_style(style), verb)
    }

    /// A sign of life, for work whose length is not known.
    pub(crate) fn of_unknown_length(what: &'static str, listing: Option<&ListingOptions>) -> Self {
        let spinner = ProgressBar::with_draw_target(None, target(listing));
        Self::shown(spinner.with_style(ProgressStyle::default_spinner()), what)
    }

    fn shown(bar: ProgressBar, message: &'static str) -> Self {
        if !bar.is_hidden() {
            bar.set_message(message);
            bar.enable_steady_tick(REDRAW);
            clear_when_interrupted(bar.clone());
        }
        Self(bar)
    }

    /// So many are done.
    pub(crate) fn done(&self, jobs: u64) {
        self.0.set_position(jobs);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn target(listing: Option<&ListingOptions>) -> ProgressDrawTarget {
    let is_for_programs = listing.is_some_and(|listing| listing.json);
    if is_for_programs || !io::stderr().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }
}

// What the server has committed stays, and it rolls back the statement that runs.
fn clear_when_interrupted(bar: ProgressBar) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            let done = bar.position();
            bar.finish_and_clear();
            match bar.length() {
                Some(all) => eprintln!("mainspring: interrupted after {done} of {all} jobs"),
                None => eprintln!("mainspring: interrupted"),
            }
            std::process::exit(INTERRUPTED);
        }
    });
}
