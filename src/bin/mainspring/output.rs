//! What the listing commands print: a table for people, JSON for programs.

use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// Prints the value as JSON.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(writeln!(out)?)
}

/// Prints the rows under their headings, each column as wide as its widest cell.
pub(crate) fn table<const COLUMNS: usize>(
    out: &mut impl Write,
    headings: [&str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
) -> Result<(), Failure> {
    let rows: Vec<_> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let rows: Vec<_> = rows.into_iter().map(|row| row.map(|cell| printable(&cell))).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// The first line of the text, and no more of it than a table bears.
pub(crate) fn shortened(text: &str) -> String {
    const WIDTH: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= WIDTH && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(WIDTH - 3).chain("...".chars()).collect()
}

// Names come from any role that may enqueue: none may command the terminal.
fn printable(cell: &str) -> String {
    let escaped = |character: char| {
        let plain = (!character.is_control()).then_some(character);
        plain.into_iter().chain(plain.is_none().then(|| character.escape_default()).into_iter().flatten())
    };
    let cell: String = cell.chars().flat_map(escaped).collect();
    if cell.is_empty() { "-".into() } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_command_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("first\nsecond"), "first...");
        assert_eq!(shortened(&"x".repeat(100)).len(), 60);
    }
}
