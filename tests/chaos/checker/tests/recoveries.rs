//! What the time until work goes on is measured from.

use super::*;

pub(super) fn recovery_times_are_those_of_the_record() {
    let over = |pid| What::FaultOver { what: "network".into(), pid };
    let story = one_job(Kind::Plain).write(0.5, 9, over(None));
    assert_eq!(story.measure(Figure::Back), [0.5]);
    let ready = |name: &str| What::Ready { name: name.into() };
    let story = story.write(0.4, ONE, ready("worker0")).write(0.4, TWO, ready("producer"));
    assert_eq!(story.measure(Figure::BackEach), [0.5]);
    let story = story.write(0.4, TWO, ready("worker1"));
    assert_eq!(story.measure(Figure::BackEach), [0.5, f64::INFINITY], "the other has started nothing");
    let story = one_job(Kind::Plain).write(2.0, 9, What::Terminated { pid: ONE });
    assert_eq!(story.measure(Figure::Stop), [f64::INFINITY]);
    let story = story.write(5.5, 9, What::Exited { pid: ONE, status: "0".into() });
    assert_eq!(story.measure(Figure::Stop), [3.5]);
    assert_eq!(story.measure(Figure::Wait), [0.9]);
}

pub(super) fn a_fault_that_follows_soon_does_not_count() {
    let began = || What::FaultBegan { what: "crash".into() };
    let over = || What::FaultOver { what: "crash".into(), pid: None };
    let story = Story::default().write(1.0, 9, began()).write(3.0, 9, over());
    let story = story.write(3.5, 9, began()).write(7.5, 9, over());
    assert_eq!(story.measure(Figure::Back), [f64::INFINITY; 2], "no job has started");
    let story = story.job(1, Kind::Plain, "succeeded").starts(8.5, ONE, 1, Kind::Plain);
    assert_eq!(story.measure(Figure::Back), [1.0, 1.5]);
}
