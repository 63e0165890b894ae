//! Layers import downward only, and the command line program uses the crate as any program does.

use super::expect_none;
use super::files::{File, code_lines, sources};

// From the bottom up. A module may import from its own layer and from those below it.
const LAYERS: [(&str, &[&str]); 7] = [
    (
        "vocabulary",
        &[
            "error",
            "event",
            "job",
            "job_error",
            "lifecycle",
            "run_summary",
            "backoff",
            "clock",
            "cron",
            "config",
            "database_error",
            "flags",
            "histogram",
            "lock",
            "pooling",
            "probe",
            "redacted",
            "schedule",
            "schema",
            "sealed",
            "spans",
            "stored",
            "test_hooks",
            "text",
            "trace",
        ],
    ),
    ("store", &["store"]),
    (
        "engine",
        &[
            "engine",
            "events",
            "exports",
            "fence",
            "leases",
            "orphans",
            "phase",
            "prefetch",
            "progress",
            "running",
            "telemetry",
            "vitals",
        ],
    ),
    ("attempts", &["attempt", "shared", "signals"]),
    ("actors", &["actors"]),
    ("facade", &["scheduler"]),
    ("leaves", &["dashboard", "embedded", "guide", "health", "responses", "testing"]),
];

#[test]
fn layers_import_downward_only() {
    let files = sources().into_iter().filter(|file| layer_of(file.module()).is_some());
    expect_none(files.flat_map(|file| upward_imports(&file)).collect());
}

#[test]
fn every_module_belongs_to_a_layer() {
    let files = sources().into_iter().filter(|file| !["lib", "bin"].contains(&file.module()));
    let homeless = files.filter(|file| layer_of(file.module()).is_none());
    let fault = |file: File| format!("{}:1: `{}` is in no layer", file.name, file.module());
    expect_none(homeless.map(fault).collect());
}

#[test]
fn the_command_line_program_uses_the_crate_as_any_program_does() {
    let own = [
        "api",
        "arguments",
        "audit",
        "cron",
        "database",
        "doctor",
        "enqueue",
        "errors",
        "explain",
        "failure",
        "gauges",
        "health",
        "import",
        "jobs",
        "limits",
        "output",
        "progress",
        "queues",
        "redaction",
        "reseal",
        "schedules",
        "serve",
        "source",
        "stats",
        "status",
        "tasks",
        "times",
        "top",
        "workers",
        "workflows",
    ];
    let files = sources().into_iter().filter(|file| file.module() == "bin");
    let faults = files.flat_map(|file| {
        let strange = imports(&file).into_iter().filter(|(_, module)| !own.contains(&module.as_str()));
        strange.map(|(line, module)| format!("{}:{line}: imports `{module}`", file.name)).collect::<Vec<_>>()
    });
    expect_none(faults.collect());
}

#[test]
fn an_upward_import_is_found() {
    let text = "use crate::job::Task;\n// use crate::actors::Shared;\nlet x = crate::actors::y();\n\
        use crate::{a, b};\n#[cfg(test)]\nmod tests {\n    use crate::scheduler::S;\n}\n\
        use super::actors;\nuse crate::Scheduler;\n";
    let faults = upward_imports(&File::new("src/store.rs", text));
    let lines: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').nth(1)).collect();
    assert_eq!(lines, ["3", "4", "9", "10"], "{faults:?}");
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

fn upward_imports(file: &File) -> Vec<String> {
    let Some(own) = layer_of(file.module()) else { return Vec::new() };
    let fault = |(line, module): (usize, String)| {
        let (name, own) = (&file.name, LAYERS[own].0);
        match layer_of(&module) {
            Some(other) => format!("{name}:{line}: `{module}` ({}) is above {own}", LAYERS[other].0),
            None => format!("{name}:{line}: `{module}` is no module of a layer: import from where it lives"),
        }
    };
    let upward = |(_, module): &(usize, String)| layer_of(module).is_none_or(|other| other > own);
    imports(file).into_iter().filter(upward).map(fault).collect()
}

/// The crate's modules that the code of the file names, with the lines; its tests are left out.
fn imports(file: &File) -> Vec<(usize, String)> {
    if file.is_test() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in code_lines(&file.text) {
        let mut roots: Vec<&str> = line.split("crate::").skip(1).collect();
        // `super` means the crate itself.
        if file.module_path().len() <= 1 {
            roots.extend(line.split("super::").skip(1));
        }
        found.extend(roots.into_iter().map(|rest| (number, first_name(rest))));
    }
    found
}

fn first_name(path: &str) -> String {
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
    if end == 0 { path.trim_end_matches(';').to_owned() } else { path[..end].to_owned() }
}
