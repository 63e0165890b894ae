//! docs/LIFECYCLE.md against the code: the table of moves there and `may_follow` agree on every pair.

use mainspring::JobState;

const PAGE: &str = include_str!("../../docs/LIFECYCLE.md");

type Place = Option<JobState>;

#[test]
fn the_table_of_moves_lists_exactly_the_moves_that_the_code_allows() {
    let listed = listed_moves();
    for from in places() {
        for to in places() {
            let times = listed.iter().filter(|listed| **listed == (from, to)).count();
            let (from_name, to_name) = (name(from), name(to));
            assert!(times <= 1, "docs/LIFECYCLE.md lists {from_name} -> {to_name} {times} times");
            assert_eq!(
                times == 1,
                JobState::may_follow(from, to),
                "{from_name} -> {to_name}: docs/LIFECYCLE.md (left) and may_follow (right) differ"
            );
        }
    }
}

fn listed_moves() -> Vec<(Place, Place)> {
    let (_, table) = PAGE.split_once("<!-- moves -->").expect("the mark before the table of moves");
    let (table, _) = table.split_once("<!-- end of moves -->").expect("the mark after the table of moves");
    table.lines().map(str::trim).filter(|line| !line.is_empty()).skip(2).map(listed_move).collect()
}

fn listed_move(line: &str) -> (Place, Place) {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [from, to, by] = cells[..] else { panic!("expected from, to and by what: {line}") };
    assert!(!by.is_empty(), "nobody makes this move: {line}");
    let place = |cell| places().into_iter().find(|place| name(*place) == cell);
    let known = |cell| place(cell).unwrap_or_else(|| panic!("`{cell}` is no state: {line}"));
    (known(from), known(to))
}

fn places() -> Vec<Place> {
    JobState::ALL.into_iter().map(Some).chain([None]).collect()
}

fn name(place: Place) -> &'static str {
    place.map_or("none", JobState::as_str)
}
