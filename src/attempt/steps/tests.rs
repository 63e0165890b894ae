//! Turns: what their end leaves behind.

use super::*;

fn read(steps: &Steps) -> Turn<'_> {
    let turn = steps.turn("charge".into()).unwrap();
    turn.read(StoredSteps::default());
    turn
}

fn next(steps: &Steps) -> Option<String> {
    steps.turn("ship".into()).err().map(|error| error.to_string())
}

#[test]
fn steps_are_used_once_those_before_are_read() {
    let steps = Steps::default();
    assert!(!steps.are_used());
    drop(steps.turn("charge".into()).unwrap());
    assert!(!steps.are_used(), "they could not be read");
    drop(read(&steps));
    assert!(steps.are_used());
}

#[test]
fn a_dropped_turn_is_free_unless_its_step_may_be_stored() {
    let steps = Steps::default();
    let mut turn = read(&steps);
    assert!(next(&steps).unwrap().contains("while `charge` is being done"));
    drop(turn);
    assert_eq!(next(&steps), None);
    turn = read(&steps);
    turn.begin_to_store();
    turn.is_not_stored();
    drop(turn);
    assert_eq!(next(&steps), None);
    turn = read(&steps);
    turn.begin_to_store();
    drop(turn);
    assert!(next(&steps).unwrap().contains("not known whether `charge` is stored"));
}

#[test]
fn closed_steps_are_refused_with_the_reason_and_are_not_used() {
    let steps = Steps::default();
    steps.close("a batch has none");
    assert_eq!(next(&steps).unwrap(), "step `ship` is refused: a batch has none");
    assert!(!steps.are_used());
}

#[test]
fn a_value_that_does_not_fit_is_named_by_type_and_not_shown() {
    let value = encode("charge", &"secret").unwrap();
    assert_eq!(decode::<String>("charge", &value).unwrap(), "secret");
    let error = decode::<u64>("charge", &value).unwrap_err().to_string();
    assert!(
        error.starts_with("step `charge` is done, and its value does not fit `u64`: expected u64"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    let error = encode("charge", &unwritable).unwrap_err().to_string();
    assert!(error.contains("cannot be written as JSON"), "{error}");
}
