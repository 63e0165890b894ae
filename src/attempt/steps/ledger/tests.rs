//! What the ledger decides, without a database.

use super::*;

fn ledger(stored: &[(i32, &str)]) -> Ledger {
    let step = |&(position, name): &(i32, &str)| StoredStep {
        position,
        name: name.to_owned(),
        value: name.as_bytes().to_vec(),
    };
    let mut ledger = Ledger::default();
    ledger.read(StoredSteps { payload_hash: 7, steps: stored.iter().map(step).collect() });
    ledger
}

/// The place of a new step, or 0 for one that was done.
fn begin(ledger: &mut Ledger, name: &str) -> Result<i32, StepError> {
    ledger.enter(name)?;
    let place = ledger.place(4711, name);
    ledger.leave(State::Free);
    Ok(match place? {
        Place::New(entry) => entry.position,
        Place::Done(value) => {
            assert_eq!(value, name.as_bytes());
            0
        }
    })
}

fn run(ledger: &mut Ledger, name: &str) -> i32 {
    let position = begin(ledger, name).unwrap();
    ledger.store(name, 3);
    position
}

fn text(refused: Result<i32, StepError>) -> String {
    refused.unwrap_err().to_string()
}

#[test]
fn steps_have_places_in_the_order_in_which_they_begin() {
    let mut ledger = ledger(&[]);
    assert_eq!(["charge", "pack", "ship"].map(|name| run(&mut ledger, name)), [1, 2, 3]);
}

#[test]
fn what_was_done_is_replayed_and_the_rest_is_new() {
    let mut ledger = ledger(&[(1, "charge"), (2, "pack")]);
    assert_eq!(["charge", "pack", "ship"].map(|name| begin(&mut ledger, name).unwrap()), [0, 0, 3]);
}

#[test]
fn a_step_that_failed_keeps_its_place() {
    let mut first = ledger(&[]);
    assert_eq!(begin(&mut first, "charge").unwrap(), 1);
    assert_eq!(run(&mut first, "note"), 2);
    assert_eq!(run(&mut first, "charge"), 1);
    let mut next = ledger(&[(2, "note")]);
    assert_eq!(["charge", "note"].map(|name| begin(&mut next, name).unwrap()), [1, 0]);
}

#[test]
fn another_name_or_order_than_was_stored_is_an_error() {
    for (stored, asked, found) in [
        (&[(1, "charge"), (2, "pack")][..], &["bill"][..], (1, "charge", 1)),
        (&[(1, "charge"), (2, "pack")], &["pack"], (1, "charge", 1)),
        (&[(1, "charge"), (2, "pack")], &["charge", "weigh"], (2, "pack", 2)),
        (&[(2, "note")], &["note"], (1, "note", 2)),
    ] {
        let mut ledger = ledger(stored);
        let changed = asked.iter().map(|name| begin(&mut ledger, name)).find_map(Result::err).unwrap();
        let StepError::Changed { job, step, position, stored, stored_position } = &changed else {
            panic!("{changed}")
        };
        assert_eq!((*job, step.as_str()), (4711, *asked.last().unwrap()));
        assert_eq!((*position, stored.as_str(), *stored_position), found);
        let done = format!("job 4711 has done `{}` as step {}", found.1, found.2);
        assert!(changed.to_string().contains(&done), "{changed}");
    }
}

#[test]
fn a_step_between_the_last_one_and_a_new_one_is_no_change() {
    let mut ledger = ledger(&[(1, "charge")]);
    assert_eq!(["charge", "weigh", "ship"].map(|name| begin(&mut ledger, name).unwrap()), [0, 2, 3]);
}

#[test]
fn a_name_is_done_once_in_an_attempt() {
    for stored in [&[][..], &[(1, "charge")]] {
        let mut ledger = ledger(stored);
        assert_eq!(run(&mut ledger, "charge"), i32::from(stored.is_empty()));
        assert!(text(begin(&mut ledger, "charge")).contains("was done in this attempt already"));
        assert_eq!(run(&mut ledger, "ship"), 2, "a refusal takes no place");
    }
}

#[test]
fn a_step_that_begins_during_another_one_is_refused() {
    let mut ledger = ledger(&[]);
    ledger.enter("charge").unwrap();
    let refused = ledger.enter("ship").unwrap_err().to_string();
    assert!(refused.starts_with("step `ship` began while `charge` is being done: "), "{refused}");
    ledger.leave(State::Free);
    assert_eq!(begin(&mut ledger, "ship").unwrap(), 1);
}

#[test]
fn after_a_step_that_may_be_stored_all_others_are_refused() {
    let mut ledger = ledger(&[]);
    ledger.enter("charge").unwrap();
    ledger.leave(State::Unsure("charge".into()));
    for name in ["charge", "ship"] {
        let refused = text(begin(&mut ledger, name));
        assert!(refused.contains("it is not known whether `charge` is stored"), "{refused}");
    }
}

#[test]
fn limits_are_exact() {
    for (name, is_good) in [
        (String::new(), false),
        ("n".repeat(128), true),
        ("\u{fc}".repeat(128), true),
        ("n".repeat(129), false),
        ("a\0b".into(), false),
    ] {
        assert_eq!(begin(&mut ledger(&[]), &name).is_ok(), is_good, "{name}");
    }
    let mut full = ledger(&[]);
    (0..MOST_STEPS).for_each(|n| assert_eq!(run(&mut full, &format!("{n}")), n as i32 + 1));
    assert!(text(begin(&mut full, "one more")).contains("at most 1000 steps"));
    let entry = |bytes_before| Entry { name: "n".into(), position: 1, payload_hash: 0, bytes_before };
    for (before, bytes, is_good) in [
        (0, MOST_VALUE_BYTES, true),
        (0, MOST_VALUE_BYTES + 1, false),
        (MOST_BYTES - 5, 5, true),
        (MOST_BYTES - 5, 6, false),
    ] {
        assert_eq!(entry(before).with(vec![0; bytes]).is_ok(), is_good, "{before} {bytes}");
    }
}

#[test]
fn values_of_earlier_attempts_count_too() {
    let mut stored = StoredSteps::default();
    stored.steps.push(StoredStep { position: 1, name: "a".into(), value: vec![0; 100] });
    let mut ledger = Ledger::default();
    ledger.read(stored);
    ledger.enter("b").unwrap();
    ledger.store("b", 11);
    ledger.leave(State::Free);
    assert_eq!(ledger.bytes, 111);
}
