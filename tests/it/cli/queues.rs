//! `queues`: what it prints, for people and for programs, and what it refuses.

use super::{answer, assert_refused, json, on};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn queues_are_set_listed_paused_and_resumed() {
    let database = TestDatabase::new();
    let run =
        |arguments: &[&str]| answer(on(&database, &[&["queues"], arguments].concat())).trim_end().to_owned();
    assert_eq!(run(&["set", "mails", "--limit", "5", "--rate", "100/1m"]), "queue mails is set");
    assert_eq!(run(&["pause", "mails"]), "queue mails is paused");
    assert_eq!(run(&["pause", "mails"]), "queue mails was paused already");
    assert_eq!(
        run(&["list"]),
        "QUEUE  LIMIT  RATE    FROM  PAUSED  WAITING  RUNNING\nmails  5      100/1m  own   yes     0        0"
    );
    let listed = json(on(&database, &["queues", "list", "--json"]));
    assert_eq!(
        listed.to_string(),
        r#"[{"concurrency":5,"name":"mails","paused":true,"rate_limit":100,"rate_period_seconds":60.0,"running":0,"source":"own","waiting":0}]"#
    );
    assert_eq!(run(&["resume", "mails"]), "queue mails is resumed");
    assert_eq!(run(&["resume", "mails"]), "queue mails was not paused");
    let stays = "queue mails was set before, and stays as it is";
    assert_eq!(run(&["set", "mails", "--limit", "7", "--if-absent"]), stays);
    assert!(run(&["list"]).contains("mails  5      100/1m  own   no"));
    assert_eq!(run(&["remove", "mails"]), "queue mails has the defaults again");
    assert_eq!(run(&["remove", "mails"]), "queue mails had nothing to remove");
    assert_eq!(run(&["list", "--json"]), "[]");
    assert_eq!(run(&["set", "mails", "--if-absent"]), "queue mails is set");
    let listed = json(on(&database, &["queues", "list", "--json"]));
    assert_eq!((&listed[0]["concurrency"], &listed[0]["source"]), (&1.into(), &"own".into()));
    assert_eq!(run(&["pause", "--task", "note"]), "task note is paused");
    assert_eq!(count(&mut database.connection(), "mainspring.paused_tasks"), 1);
    assert_eq!(run(&["resume", "--task", "note"]), "task note is resumed");
}

#[test]
fn everything_is_paused_and_resumed_and_the_status_shows_it() {
    let database = TestDatabase::new();
    let run = |arguments: &[&str]| answer(on(&database, arguments)).trim_end().to_owned();
    assert_eq!(run(&["pause", "--all"]), "everything is paused");
    assert_eq!(run(&["pause", "--all"]), "everything was paused already");
    assert!(run(&["status"]).contains("\neverything is paused since 2"));
    assert!(json(on(&database, &["status", "--json"]))["paused_since"].is_string());
    assert_eq!(run(&["resume", "--all"]), "everything is resumed");
    assert_eq!(run(&["resume", "--all"]), "everything was not paused");
    assert!(!run(&["status"]).contains("paused"));
    assert_refused(on(&database, &["pause"]), 2, "--all");
    assert_refused(on(&database, &["resume", "--all", "now"]), 2, "'now'");
}

#[test]
fn what_is_wrong_with_a_queue_is_told_in_one_line() {
    let database = TestDatabase::new();
    let long = "x".repeat(129);
    for (arguments, code, words) in [
        (&["set", "q", "--limit", "0"][..], 1, "concurrency must be 1 to 1000000, got 0"),
        (&["set", "q", "--limit", "-1"], 2, "'-1'"),
        (&["set", "q", "--rate", "5"], 2, "100/1m"),
        (&["set", "q", "--rate", "0/s"], 1, "rate_limit must be 1 to 1000000, got 0"),
        (&["pause", &long], 1, "queue must be 1 to 128 characters, got 129"),
        (&["pause"], 2, "<QUEUE|--task <TASK>>"),
        (&["pause", "q", "--task", "t"], 2, "cannot be used with"),
    ] {
        assert_refused(on(&database, &[&["queues"], arguments].concat()), code, words);
    }
    assert_eq!(count(&mut database.connection(), "mainspring.queues"), 0);
}

#[test]
fn enqueue_takes_flags() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "note", "--flag", "gpu", "--flag", "eu"]));
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE flags = ARRAY['eu', 'gpu']"), 1);
}

#[test]
fn limits_of_tasks_are_set_listed_and_removed() {
    let database = TestDatabase::new();
    let run =
        |arguments: &[&str]| answer(on(&database, &[&["queues"], arguments].concat())).trim_end().to_owned();
    let set = ["set", "--task", "mail.send", "--limit", "10", "--rate", "100/s"];
    assert_eq!(run(&set), "task mail.send is set");
    let stays = "task mail.send was set before, and stays as it is";
    assert_eq!(run(&["set", "--task", "mail.send", "--limit", "1", "--if-absent"]), stays);
    assert_eq!(
        run(&["task-limits"]),
        "LIMITED TASK  LIMIT  RATE    READY  RUNNING\nmail.send     10     100/1s  0      0"
    );
    answer(on(&database, &["enqueue", "mail.send"]));
    let status = json(on(&database, &["status", "--json"]));
    assert_eq!(
        status["task_limits"].to_string(),
        r#"[{"concurrency":10,"rate_limit":100,"rate_period_seconds":1.0,"ready":1,"running":0,"task":"mail.send"}]"#
    );
    assert!(answer(on(&database, &["status"])).contains("\nmail.send     10     100/1s  1      0\n"));
    assert_eq!(run(&["remove", "--task", "mail.send"]), "task mail.send has the defaults again");
    assert_eq!(run(&["remove", "--task", "mail.send"]), "task mail.send had nothing to remove");
    assert_eq!(run(&["task-limits", "--json"]), "[]");
    for (arguments, code, words) in [
        (&["set", "--task", "t"][..], 1, "concurrency must be given unless rate_limit is, got neither"),
        (&["set", "--task", "t", "--limit", "0"], 1, "concurrency must be 1 to 1000000, got 0"),
        (&["set", "q", "--task", "t"], 2, "cannot be used with"),
        (&["remove"], 2, "--task <TASK>"),
    ] {
        assert_refused(on(&database, &[&["queues"], arguments].concat()), code, words);
    }
}

#[test]
fn families_of_queues_are_set_listed_and_removed() {
    let database = TestDatabase::new();
    let run =
        |arguments: &[&str]| answer(on(&database, &[&["queues"], arguments].concat())).trim_end().to_owned();
    let set = ["set", "--family", "tenant:*", "--limit", "3", "--rate", "5/1m"];
    assert_eq!(run(&set), "family tenant:* is set");
    let stays = "family tenant:* was set before, and stays as it is";
    assert_eq!(run(&["set", "--family", "tenant:*", "--if-absent"]), stays);
    assert_eq!(run(&["families"]), "FAMILY    LIMIT  RATE\ntenant:*  3      5/1m");
    assert_eq!(
        run(&["show", "tenant:7"]),
        "QUEUE     LIMIT  RATE  FROM      PAUSED  WAITING  RUNNING\n\
         tenant:7  3      5/1m  tenant:*  no      0        0"
    );
    let shown = json(on(&database, &["queues", "show", "mails", "--json"]));
    assert_eq!((&shown["concurrency"], &shown["source"]), (&1.into(), &"default".into()));
    assert_eq!(run(&["remove", "--family", "tenant:*"]), "family tenant:* has the defaults again");
    assert_eq!(run(&["remove", "--family", "tenant:*"]), "family tenant:* had nothing to remove");
    assert_eq!(run(&["families", "--json"]), "[]");
    for (arguments, code, words) in [
        (
            &["set", "--family", "tenant:"][..],
            1,
            "family must be a prefix of 0 to 127 characters that ends with *",
        ),
        (&["set", "q", "--family", "q*"], 2, "cannot be used with"),
        (&["pause", "--family", "q*"], 2, "--family"),
    ] {
        assert_refused(on(&database, &[&["queues"], arguments].concat()), code, words);
    }
}
