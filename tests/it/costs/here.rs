//! What a job costs this side: allocations, and instructions where valgrind is there. Each is counted in a process of its own, since
//! other tests run beside this one.

use std::alloc::System;
use std::process::Command;

use chrono::{DateTime, Utc};
use mainspring::CronExpression;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use super::*;
use crate::support::process;
use crate::support::waiting::block_in_time_once;

// It adds a few atomic additions to each allocation of all tests.
#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PICK_UPS: usize = 500;
const EXPRESSIONS: [&str; 4] = ["*/5 * * * *", "30 2 * * 1-5", "0 0 29 2 *", "15 10 1,15 * 3"];
const FIRES: usize = 250;

/// What the helper prints as `NAME NUMBER`.
fn told(answer: &str, name: &str) -> f64 {
    let line = answer.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[test]
fn a_job_costs_few_allocations() {
    // Beside other tests the claims are smaller, so that more of each list is unused.
    block_in_time_once(allocations_are_few);
}

fn allocations_are_few() -> bool {
    let server = start_server();
    let jobs = (0..JOBS).map(|_| NewJob::try_from(letter(200)).unwrap()).collect::<Vec<_>>();
    let mut conn = connect(&server);
    jobs.chunks(1_000).for_each(|jobs| drop(insert_many(&mut conn, jobs).unwrap()));
    let test = "costs::here::helper_process_that_counts_its_allocations";
    let answer = process::run(&mut process::command(test, server.url())).out;
    let [many, bytes, one] = ["of many: ", "bytes of many: ", "one by one: "].map(|name| told(&answer, name));
    eprintln!("allocations a job: {many:.1} of many, {bytes:.0} bytes; {one:.0} one by one");
    // 5.8 to 6.2, 3,190 to 3,370 and 108 when this was last measured. The start is 160 of these bytes, most of them for the
    // buffer of events. Most others are lists of claimed jobs: the fewer a claim finds, the more of each list is unused.
    // A job by itself varies with where it meets a timer, and has cost up to 152.
    many < 6.8 && bytes < 3_700.0 && one < 190.0
}

#[tokio::test]
#[ignore = "a helper process of another test"]
async fn helper_process_that_counts_its_allocations() {
    let Some(url) = process::given_url() else { return };
    let (told, mut started) = unbounded_channel();
    let builder = quiet(&url).handler(move |_: Letter, _: JobContext| std::future::ready(told.send(())));
    let counted = Region::new(COUNTED);
    let scheduler = builder.start().await.unwrap();
    for _ in 0..JOBS {
        started.recv().await.unwrap();
    }
    let many = counted.change();
    // With one thread the line that names the test has not ended yet.
    println!("\nof many: {}", many.allocations as f64 / JOBS as f64);
    println!("bytes of many: {}", many.bytes_allocated as f64 / JOBS as f64);
    let counted = Region::new(COUNTED);
    for _ in 0..PICK_UPS {
        scheduler.enqueue(letter(200)).await.unwrap();
        started.recv().await.unwrap();
    }
    println!("one by one: {}", counted.change().allocations as f64 / PICK_UPS as f64);
    scheduler.stop().await;
}

#[test]
fn the_next_fire_of_an_expression_costs_few_instructions() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return eprintln!("valgrind is not there: instructions are not counted");
    }
    let count = |fires: usize| {
        let out = std::env::temp_dir().join(format!("callgrind-{}-{fires}", std::process::id()));
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]);
        command.arg(std::env::current_exe().unwrap()).env("MAINSPRING_TEST_FIRES", fires.to_string());
        command.args(process::arguments("costs::here::helper_process_that_looks_for_fires"));
        let told_by_valgrind = process::run(&mut command).err;
        std::fs::remove_file(out).unwrap();
        let collected = told_by_valgrind.lines().find_map(|line| line.split_once("Collected :"));
        collected.unwrap().1.trim().parse::<f64>().unwrap()
    };
    let each = (count(FIRES) - count(0)) / (FIRES * EXPRESSIONS.len()) as f64;
    eprintln!("instructions of a next fire, without optimisation: {each:.0}");
    // 71,400 when this was written.
    assert!(each < 88_000.0, "{each} instructions a fire");
}

#[test]
#[ignore = "a helper process of another test"]
fn helper_process_that_looks_for_fires() {
    let fires: usize = std::env::var("MAINSPRING_TEST_FIRES").unwrap().parse().unwrap();
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    for text in EXPRESSIONS {
        let expression = CronExpression::parse(text).unwrap();
        let mut at = start;
        for _ in 0..fires {
            at = expression.next_after(at);
        }
        std::hint::black_box(at);
    }
}
