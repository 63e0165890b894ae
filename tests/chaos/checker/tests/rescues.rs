//! Which rescues are measured.

use super::*;

/// A job that loses so many processes in a row, one each ten seconds, and then succeeds. Each rescue takes a second more than
/// the one before it.
fn lost(times: u32) -> Story {
    let starts = |place: u32| 10.0 * f64::from(place) + f64::from(place);
    let story = Story::default().job(1, Kind::Plain, "succeeded");
    let story = (0..times).fold(story, |story, place| {
        let killed = What::Killed { pid: 10 + place };
        story.starts(starts(place), 10 + place, 1, Kind::Plain).write(10.0 * f64::from(place + 1), 9, killed)
    });
    story.starts(starts(times), ONE, 1, Kind::Plain).ends(starts(times) + 1.0, ONE, 1)
}

pub(super) fn the_rescue_of_a_suspect_is_not_measured() {
    assert_eq!(lost(2).measure(Figure::Rescue), [1.0, 2.0]);
    assert_eq!(lost(4).measure(Figure::Rescue), [1.0, 2.0]);
    let fails = What::Ended { run: 1, end: End::Failed };
    // An attempt that ends by itself clears the job.
    let story = lost(4).starts(45.0, TWO, 1, Kind::Plain).write(46.0, TWO, fails);
    let story = story.starts(47.0, 20, 1, Kind::Plain).write(48.0, 9, What::Killed { pid: 20 });
    assert_eq!(story.starts(51.0, TWO, 1, Kind::Plain).measure(Figure::Rescue).last(), Some(&3.0));
}
