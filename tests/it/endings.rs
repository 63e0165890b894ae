//! Ends of actors that go wrong: a panic in `stopped`, in a drop, in a future of the actor's own. The process goes on, and so
//! does the scheduler; what the actor was doing is a failed attempt.

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture,
    WrapFuture,
};
use mainspring::{Enqueue, JobResult, Scheduler, Task, WorkerActor};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    /// It does not end.
    None,
    /// In order, but its `stopped` panics.
    PanicInStopped,
    /// In order, but its drop panics.
    PanicInDrop,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct File(End);
impl Task for File {
    const NAME: &'static str = "file";
}

/// An application's own actor.
struct Clerk(End);
impl Actor for Clerk {
    type Context = Context<Self>;
    fn stopped(&mut self, _: &mut Context<Self>) {
        assert!(self.0 != End::PanicInStopped, "stopped with a panic");
    }
}
impl Drop for Clerk {
    fn drop(&mut self) {
        assert!(self.0 != End::PanicInDrop, "dropped with a panic");
    }
}
impl Handler<File> for Clerk {
    type Result = JobResult;
    fn handle(&mut self, File(end): File, ctx: &mut Context<Self>) -> JobResult {
        if end != End::None {
            self.0 = end;
            ctx.stop();
        }
        Ok(())
    }
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct Work(String);
impl Task for Work {
    const NAME: &'static str = "work";
}

/// Panics when it is dropped.
struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped with a panic");
    }
}

impl Handler<Work> for WorkerActor {
    type Result = ResponseActFuture<Self, JobResult>;
    fn handle(&mut self, Work(how): Work, ctx: &mut Context<Self>) -> Self::Result {
        if how == "end with a bomb" {
            let bomb = Bomb;
            ctx.spawn(
                async move {
                    std::future::pending::<()>().await;
                    drop(bomb)
                }
                .into_actor(self),
            );
            ctx.terminate();
        }
        Box::pin(async move { how }.into_actor(self).map(|how, _, _| {
            assert!(how != "panic in the worker's own future", "the future fell over");
            Ok(())
        }))
    }
}

fn ended(outcome: &str, task: &str) -> String {
    match outcome {
        "succeeded" => format!("mainspring.history WHERE task = '{task}' AND outcome = 'succeeded'"),
        _ => format!(
            "mainspring.jobs WHERE task = '{task}' AND state = 'dead' AND attempts = 1 \
             AND last_error LIKE 'the actor that handles `{task}` gave no reply%'"
        ),
    }
}

#[actix::test]
async fn an_actor_that_panics_in_its_end_fails_attempts_and_nothing_else() {
    for end in [End::PanicInStopped, End::PanicInDrop] {
        let database = TestDatabase::new();
        let clerk = Clerk(End::None).start();
        let builder = Scheduler::builder(database.url()).worker_threads(2).actor::<File>(clerk.clone());
        let scheduler = builder.message::<Work>().start().await.unwrap();
        scheduler.enqueue(Enqueue::new(File(End::None))).await.unwrap();
        // Its message is not cut off by the end of the actor.
        until(&database, &ended("succeeded", "file"), 1).await;
        scheduler.enqueue(Enqueue::new(File(end)).max_attempts(1)).await.unwrap();
        // The last message was handled, or was cut off by the end. From then on the actor is gone.
        until(&database, "mainspring.jobs WHERE state <> 'dead'", 0).await;
        while clerk.connected() {
            tokio::task::yield_now().await;
        }
        let before = count(&mut database.connection(), &ended("dead", "file"));
        scheduler.enqueue(Enqueue::new(File(End::None)).max_attempts(1)).await.unwrap();
        until(&database, &ended("dead", "file"), before + 1).await;
        scheduler.enqueue(Enqueue::new(Work("well".into()))).await.unwrap();
        until(&database, &ended("succeeded", "work"), 1).await;
        assert!(scheduler.is_running());
        scheduler.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}

#[actix::test]
async fn a_worker_whose_end_panics_comes_back_and_the_scheduler_stops_in_order() {
    for how in ["end with a bomb", "panic in the worker's own future"] {
        let database = TestDatabase::new();
        let builder = Scheduler::builder(database.url()).worker_threads(1).concurrency(4).message::<Work>();
        let scheduler = builder.start().await.unwrap();
        for round in 1..=5 {
            scheduler.enqueue(Enqueue::new(Work(how.into())).max_attempts(1)).await.unwrap();
            until(&database, &ended("dead", "work"), round).await;
            scheduler.enqueue(Enqueue::new(Work("well".into()))).await.unwrap();
            until(&database, &ended("succeeded", "work"), round).await;
        }
        assert!(scheduler.is_running());
        scheduler.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}
