//! The laws of the threads, without a database.

use std::sync::mpsc;

use super::*;

const SOON: Duration = Duration::from_secs(60);

async fn done<W, T>(reply: Reply<W, T>) -> T {
    let done = tokio::time::timeout(SOON, reply).await.expect("the work in time");
    done.unwrap_or_else(|_| panic!("the work panicked"))
}

#[tokio::test]
async fn work_runs_on_as_many_threads_as_there_may_be_and_no_more() {
    let threads = Threads::new(2);
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let (began, begins) = mpsc::channel();
    let mut replies = Vec::new();
    for n in 0..3 {
        let (held, began) = (Arc::clone(&held), began.clone());
        let work = move |_: &Gate| {
            began.send(n).expect("the test waits");
            if n == 0 {
                lock(&held).recv().expect("the test lets go");
            }
            n
        };
        replies.push(threads.start(work).expect("a thread"));
    }
    // The second thread does the work of two while the first is held.
    let mut order: Vec<i32> = (0..3).map(|_| begins.recv_timeout(SOON).expect("a beginning")).collect();
    order.sort_unstable();
    assert_eq!((order, lock(&threads.0.pool).threads), (vec![0, 1, 2], 2));
    release.send(()).expect("the work waits");
    for (n, reply) in (0..).zip(replies) {
        assert_eq!(done(reply).await, n);
    }
}

#[tokio::test]
async fn a_panic_is_handed_to_the_caller_and_ends_no_thread() {
    let threads = Threads::new(1);
    let panicking = threads.start(|_| panic!("planned")).expect("a thread");
    let panicked: Result<(), _> = panicking.await;
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"planned"));
    assert_eq!(done(threads.start(|_| 7).expect("a thread")).await, 7);
}

#[tokio::test]
async fn work_that_is_given_up_makes_room_and_learns_of_it_at_its_gate() {
    let threads = Threads::new(1);
    let ((began, begins), (release, held), (passed, passes)) =
        (mpsc::channel(), mpsc::channel(), mpsc::channel());
    let stuck = threads.start(move |gate: &Gate| {
        began.send(()).expect("the test waits");
        let _: Result<(), _> = held.recv();
        passed.send(gate.pass()).expect("the test waits");
    });
    let stuck = stuck.expect("a thread");
    begins.recv_timeout(SOON).expect("it begins");
    let never = threads.start(|_| ()).expect("a place in the queue");
    assert_eq!((never.give_up(), stuck.give_up()), (GivenUp::NotBegun, GivenUp::Running));
    // Another thread has the place of the stuck one.
    assert_eq!(done(threads.start(|_| 7).expect("a thread")).await, 7);
    release.send(()).expect("it waits");
    assert!(!passes.recv_timeout(SOON).expect("it ends"));
}

#[tokio::test]
async fn work_that_has_passed_its_gate_is_awaited() {
    let threads = Threads::new(1);
    let ((passed, passes), (release, held)) = (mpsc::channel(), mpsc::channel());
    let work = threads.start(move |gate: &Gate| {
        passed.send(gate.pass()).expect("the test waits");
        let _: Result<(), _> = held.recv();
        7
    });
    let work = work.expect("a thread");
    assert!(passes.recv_timeout(SOON).expect("it passes"));
    assert_eq!(work.give_up(), GivenUp::Never);
    release.send(()).expect("it waits");
    assert_eq!(done(work).await, 7);
}

#[tokio::test]
async fn work_that_has_passed_its_gate_and_is_left_makes_room() {
    let threads = Threads::new(1);
    let ((passed, passes), (release, held)) = (mpsc::channel(), mpsc::channel::<()>());
    let stuck = threads.start(move |gate: &Gate| {
        passed.send(gate.pass()).expect("the test waits");
        let _: Result<(), _> = held.recv();
    });
    let stuck = stuck.expect("a thread");
    assert!(passes.recv_timeout(SOON).expect("it passes"));
    assert_eq!((stuck.leave(), stuck.leave()), (GivenUp::Running, GivenUp::Never));
    assert_eq!(done(threads.start(|_| 7).expect("a thread")).await, 7);
    release.send(()).expect("it waits");
    let deadline = std::time::Instant::now() + SOON;
    while lock(&threads.0.pool).given_up > 0 {
        assert!(std::time::Instant::now() < deadline, "the thread comes back");
        std::thread::yield_now();
    }
}

#[test]
fn too_many_threads_that_were_given_up_are_the_last() {
    let threads = Threads::new(1);
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    for _ in 0..MOST_GIVEN_UP {
        let (began, begins) = mpsc::channel();
        let held = Arc::clone(&held);
        let work = move |_: &Gate| {
            began.send(()).expect("the test waits");
            let _ = lock(&held).recv();
        };
        let reply = threads.start(work).expect("a thread");
        begins.recv_timeout(SOON).expect("it begins");
        assert_eq!(reply.give_up(), GivenUp::Running);
    }
    assert_eq!(threads.start(|_| ()).err(), Some(NoThread));
    drop(release);
    let deadline = std::time::Instant::now() + SOON;
    while lock(&threads.0.pool).given_up > 0 {
        assert!(std::time::Instant::now() < deadline, "the threads come back");
        std::thread::yield_now();
    }
    assert!(threads.start(|_| ()).is_ok());
}
