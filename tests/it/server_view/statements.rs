//! The texts that `pg_stat_statements` has of us: few, none with a value in it, and all in the list of OPERATIONS.md.

use std::collections::BTreeSet;
use std::path::Path;

use mainspring::Schema;

use super::names;
use super::work::all_kinds;
use crate::support::counting::migrated_counting_server;

/// Beyond this a panel or a person can no longer read them.
const MOST_TEXTS: usize = 250;
/// In one of so many rounds no statement is new. Some are sent only when two things meet.
const ROUNDS: usize = 6;

const TEXTS: &str = "SELECT DISTINCT s.query AS name FROM pg_stat_statements AS s \
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND s.query NOT LIKE '%pg_stat_statements%'";

/// What each costs, for those who keep the list.
const COSTS: &str = "SELECT format('%s calls, %s ms: %s', sum(s.calls), round((sum(s.total_exec_time) / sum(s.calls))::numeric, 3), \
        left(s.query, 110)) AS name \
    FROM pg_stat_statements AS s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    GROUP BY s.query ORDER BY s.query";

#[tokio::test]
async fn the_number_of_our_texts_is_bounded_whatever_values_they_carry() {
    let Some((server, mut conn)) = migrated_counting_server() else { return };
    let conn = &mut conn;
    let (listed, rare) = (listed("| words of the statement |"), listed("| words of a rare statement |"));
    let unsent = |sent: &BTreeSet<String>| -> Vec<_> {
        listed.iter().filter(|words| !sent.iter().any(|text| has(text, words))).cloned().collect()
    };
    let mut known = BTreeSet::new();
    let mut settled = None;
    for round in 1..=ROUNDS {
        all_kinds(server.url(), conn, round).await;
        let texts: BTreeSet<_> = names(conn, TEXTS).into_iter().collect();
        let new: Vec<_> = texts.difference(&known).cloned().collect();
        // Some are only sent when a message comes at the right time.
        if new.is_empty() && unsent(&texts).is_empty() {
            settled = Some(round);
            break;
        }
        known = texts;
        if round > 1 {
            eprintln!("new in round {round}: {new:#?}");
        }
    }
    names(conn, COSTS).iter().for_each(|cost| eprintln!("{cost}"));
    let missing = unsent(&known);
    assert!(
        settled.is_some(),
        "each of {ROUNDS} rounds sent new texts, or not all that are listed: {missing:?}"
    );
    assert!(known.len() <= MOST_TEXTS, "{} texts", known.len());
    let is_listed = |text: &&String| listed.iter().chain(&rare).any(|words| has(text, words));
    let unlisted: Vec<_> = known.iter().filter(|text| !is_listed(text)).collect();
    assert!(unlisted.is_empty(), "not in OPERATIONS.md: {unlisted:#?}");
}

/// Whether the text begins with the words, if a space is the last of them, or has them.
fn has(text: &str, words: &str) -> bool {
    if words.ends_with(' ') { text.starts_with(words) } else { text.contains(words) }
}

/// The first column of that table in OPERATIONS.md, for the schema of the tests.
fn listed(head: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split_once(head).expect("the table").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| {
        let column = row.split('|').nth(1).unwrap_or_default();
        let words = column.split('`').skip(1).step_by(2);
        words.map(|words| Schema::default().rewrite(words).into_owned()).collect::<Vec<_>>()
    });
    let words: Vec<_> = words.collect();
    assert!(words.len() > 5 && words.iter().all(|words| words.len() > 3), "{words:?}");
    words
}
