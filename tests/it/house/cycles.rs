//! No file imports, through any number of others, itself. A file imports what its `use` lines name.

use std::collections::{BTreeMap, BTreeSet};

use super::expect_none;
use super::files::{File, code_lines, sources};

type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_file_imports_itself_through_others() {
    expect_none(cycles(&graph(&sources())));
}

#[test]
fn a_cycle_is_found_through_groups_parents_and_items() {
    let files = [
        File::new("src/lib.rs", "mod a;\nmod b;\npub use a::X;\n"),
        File::new("src/a.rs", "use crate::{b::{Y, c::Z},\n    d};\n"),
        File::new("src/b.rs", "pub(crate) mod c;\n"),
        File::new("src/b/c.rs", "use super::super::d::W;\n// use super::Y;\n"),
        File::new("src/d.rs", "pub(crate) use crate::a::X as V;\nuse std::fmt;\n"),
        File::new("src/d/tests.rs", "use crate::b::Y;\n"),
        File::new("src/e.rs", "use crate::a::X;\n#[cfg(test)]\nmod tests {\n    use super::super::f;\n}\n"),
        File::new("src/f.rs", "use crate::e;\n"),
    ];
    assert_eq!(cycles(&graph(&files)), ["an import cycle: a, b::c, d"]);
}

/// Which files import which. The root of the crate only names its parts, so that it is left out.
fn graph(files: &[File]) -> Graph {
    let files: Vec<&File> = files.iter().filter(|file| !file.is_test()).collect();
    let owned = |file: &&File| file.module_path().into_iter().map(String::from).collect::<Module>();
    let modules: BTreeSet<Module> = files.iter().map(owned).collect();
    let imports = |file: &&File| {
        let own = owned(file);
        let targets = use_paths(&file.text).into_iter().filter_map(|path| target(&own, &path));
        let known = targets.filter_map(|target| home(&modules, target));
        let imported = known.filter(|module| *module != own).collect();
        (own, imported)
    };
    files.iter().map(imports).collect()
}

/// The module that holds what the path names, or one of its parents; none for the root.
fn home(modules: &BTreeSet<Module>, mut path: Module) -> Option<Module> {
    while !path.is_empty() && !modules.contains(&path) {
        path.pop();
    }
    (!path.is_empty()).then_some(path)
}

/// From the root of the crate; none for a path to another crate.
fn target(own: &Module, path: &str) -> Option<Module> {
    let mut names = path.split("::").map(str::trim).peekable();
    let mut base = match *names.peek()? {
        "crate" => Module::new(),
        "self" | "super" => own.clone(),
        _ => return None,
    };
    while let Some(first) = names.next_if(|name| ["crate", "self", "super"].contains(name)) {
        if first == "super" {
            base.pop();
        }
    }
    base.extend(names.map(|name| name.split(" as ").next().unwrap_or(name).to_owned()));
    Some(base)
}

/// Every single path of every `use`, groups taken apart.
fn use_paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open: Option<String> = None;
    for (_, line) in code_lines(text) {
        let begun = match open.take() {
            Some(begun) => format!("{begun} {}", line.trim()),
            None => match after_use(line) {
                Some(rest) => rest.to_owned(),
                None => continue,
            },
        };
        match begun.split_once(';') {
            Some((whole, _)) => paths.extend(single_paths(whole)),
            None => open = Some(begun),
        }
    }
    paths
}

fn after_use(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("use ")?;
    let before = before.trim();
    (before.is_empty() || before == "pub" || before.starts_with("pub(")).then_some(rest)
}

fn single_paths(path: &str) -> Vec<String> {
    let Some((before, group)) = path.split_once('{') else { return vec![path.trim().to_owned()] };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let parts = split_at_commas(group);
    parts.iter().flat_map(|part| single_paths(&format!("{}{part}", before.trim()))).collect()
}

fn split_at_commas(group: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0_usize, vec![String::new()]);
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(last) if letter != ',' || depth > 0 => last.push(letter),
            Some(_) | None => parts.push(String::new()),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Each group of files that reach each other.
fn cycles(graph: &Graph) -> Vec<String> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        graph.keys().map(|from| (from, reach(graph, from))).collect();
    let mut groups = BTreeSet::new();
    for (from, to) in reached.iter().filter(|(from, to)| to.contains(*from)) {
        let group: Vec<String> = to
            .iter()
            .filter(|other| reached[*other].contains(from))
            .map(|module| module.join("::"))
            .collect();
        groups.insert(group.join(", "));
    }
    groups.into_iter().map(|group| format!("an import cycle: {group}")).collect()
}

fn reach<'a>(graph: &'a Graph, from: &'a Module) -> BTreeSet<&'a Module> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(next) = open.pop() {
        open.extend(graph[next].iter().filter(|module| reached.insert(*module)));
    }
    reached
}
