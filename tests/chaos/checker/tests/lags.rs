//! What an asynchronous standby may lack is no violation, and everything else still is.

use super::*;
use crate::checker::run_after_success;

/// From 1.5 on the primary confirms what its successor lacks, until it dies at 2.
fn behind(story: Story) -> Story {
    story.write(1.5, 9, What::LagBegan).write(2.0, 9, What::LagOver)
}

pub(super) fn a_loss_within_a_lag_is_explained() {
    let stored = |seconds| {
        let asked = What::Asked { token: token(1), kind: Kind::Plain, key: None };
        let stored = What::Stored { token: token(1), job: 1 };
        behind(Story::default().write(0.1, ONE, asked).write(seconds, ONE, stored)).broken()
    };
    assert_eq!(stored(1.8), []);
    assert_eq!(stored(0.5), [Law::NothingLost]);
    assert_eq!(stored(2.1), [Law::NothingLost]);
}

pub(super) fn a_claim_within_a_lag_may_be_made_again() {
    let twice = |first, second| {
        let story = Story::default().job(1, Kind::One, "succeeded").starts(first, ONE, 1, Kind::One);
        let story = story.write(15.0, ONE, What::Dropped { run: 1 });
        behind(story.starts(second, TWO, 1, Kind::One).ends(second + 1.0, TWO, 1)).broken()
    };
    assert_eq!(twice(1.8, 10.0), []);
    assert_eq!(twice(0.5, 10.0), [Law::NeverBesideItself, Law::LimitHolds]);
    assert_eq!(twice(8.0, 10.0), [Law::NeverBesideItself, Law::LimitHolds]);
}

pub(super) fn a_job_that_runs_again_after_its_success_is_found() {
    let again = |story: Story| {
        let story = story.starts(10.0, TWO, 1, Kind::Plain).ends(11.0, TWO, 1);
        run_after_success(&Timeline::of(&story.entries)).len()
    };
    assert_eq!(again(one_job(Kind::Plain)), 1);
    let fenced = Story::default().job(1, Kind::Plain, "succeeded").starts(1.0, ONE, 1, Kind::Plain);
    assert_eq!(again(fenced.write(3.0, ONE, What::Dropped { run: 1 })), 0);
    let confirmed_in_a_lag = one_job(Kind::Plain).write(2.8, 9, What::LagBegan).write(3.2, 9, What::LagOver);
    assert_eq!(again(confirmed_in_a_lag), 0);
}
