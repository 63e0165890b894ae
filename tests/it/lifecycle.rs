//! The document of the lifecycle says what the code says.

use std::collections::HashSet;

use mainspring::{JobState, may_follow};

const DOCUMENT: &str = include_str!("../../docs/LIFECYCLE.md");

fn state(name: &str) -> Option<JobState> {
    (name != "-").then(|| JobState::ALL.into_iter().find(|state| state.as_str() == name).expect(name))
}

#[test]
fn the_documents_table_of_moves_is_the_codes_for_every_pair_of_states() {
    let table = DOCUMENT.split("## Moves").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| from"));
    let documented: HashSet<_> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (state(cells[1]), state(cells[2]))
        })
        .collect();
    let states: Vec<Option<JobState>> = JobState::ALL.into_iter().map(Some).chain([None]).collect();
    for from in &states {
        for to in &states {
            assert_eq!(documented.contains(&(*from, *to)), may_follow(*from, *to), "from {from:?} to {to:?}");
        }
    }
}
