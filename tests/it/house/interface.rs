//! The error types of dependencies stay out of the public API: a new major version of one would be a new one of ours.

use super::expect_none;
use super::files::{File, code_lines, sources};

// The standard library's, which conversions may name as well as types of the crate and type parameters.
const STANDARD: [&str; 3] = ["bool", "io::Error", "Infallible"];

// The error of an application's routes, which takes the errors of what they use beside this crate.
const OF_ROUTES: &str = "src/responses/error.rs";

#[test]
fn no_conversion_names_the_type_of_a_dependency() {
    let is_public = |file: &File| !file.name.starts_with("src/bin/") && file.name != OF_ROUTES;
    let files: Vec<File> = sources().into_iter().filter(is_public).collect();
    expect_none(foreign_conversions(&files));
}

#[test]
fn no_public_enum_holds_an_error_of_diesel() {
    expect_none(sources().iter().flat_map(diesel_in_enums).collect());
}

#[test]
fn a_foreign_conversion_is_found() {
    let text = "pub enum Own { A(#[from] diesel::result::Error), B(#[from] Other) }\nstruct Other;\n\
        impl From<DieselError> for Own {}\nimpl From<DieselError> for Other {}\nfn a<E: From<Own>, F>() where F: From<E> {}\nimpl From<io::Error> for Own {}\n\
        impl TryFrom<Vec<u8>> for Own {}\n// impl From<Foreign> for Own {}\n";
    let found = foreign_conversions(&[File::new("src/a.rs", text)]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("src/a.rs:1") && found[1].starts_with("src/a.rs:3"), "{found:?}");
}

#[test]
fn an_error_of_diesel_in_a_public_enum_is_found() {
    let text = "pub enum A {\n    // DieselError\n    B(Arc<DieselError>),\n}\nstruct C(DieselError);\nenum D {\n    E(DieselError),\n}\n";
    assert_eq!(diesel_in_enums(&File::new("src/a.rs", text)).len(), 1);
}

fn foreign_conversions(files: &[File]) -> Vec<String> {
    let lines =
        || files.iter().flat_map(|file| code_lines(&file.text).into_iter().map(move |line| (file, line)));
    let own: Vec<(&str, bool)> = lines().filter_map(|(_, (_, line))| defined(line)).collect();
    let is_known =
        |name: &str| own.iter().any(|own| own.0 == name) || STANDARD.contains(&name) || name.len() == 1;
    let mut found = Vec::new();
    for (file, (number, line)) in lines() {
        let is_private = target(line).is_some_and(|target| own.contains(&(target, false)));
        let foreign = converted(line).into_iter().find(|name| !is_private && !is_known(name));
        found.extend(foreign.map(|name| format!("{}:{number}: a conversion from {name}", file.name)));
    }
    found
}

// A type that the line defines, and whether it is public.
fn defined(line: &str) -> Option<(&str, bool)> {
    let (before, rest) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
    Some((first_name(rest), before == "pub "))
}

// The type that gets a conversion.
fn target(line: &str) -> Option<&str> {
    Some(first_name(line.strip_prefix("impl")?.split_once(" for ")?.1))
}

fn first_name(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default()
}

// What stands in `From<..>` and behind `#[from]`.
fn converted(line: &str) -> Vec<&str> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == ':' || letter == '_';
    let behind = |mark: &'static str| line.split(mark).skip(1);
    let marked = [" From<", "<From<", "#[from] "].into_iter().flat_map(behind);
    marked.filter_map(|rest| rest.split(|letter| !is_path(letter)).next()).collect()
}

fn diesel_in_enums(file: &File) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for (number, line) in code_lines(&file.text) {
        is_inside = (is_inside || line.starts_with("pub enum ")) && line != "}";
        if is_inside && line.to_lowercase().contains("diesel") {
            found.push(format!("{}:{number}: a public enum holds a type of Diesel", file.name));
        }
    }
    found
}
