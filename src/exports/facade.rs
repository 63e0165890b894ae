//! Figures through the facade of the crate `metrics`, for whatever recorder the application has installed.

use metrics::{Label, Unit};

use super::names::{Export, Facade, Shape};
use super::{Figure, Value};

/// Passes figures on: gauges as they are, and of counters and histograms what was added since the last time.
pub(crate) fn record(figures: &[Figure]) {
    for Figure { export, values } in figures {
        let name = describe(export);
        for (labels, value) in values {
            let labels = labels_of(export, labels);
            match (export.shape, value) {
                (Shape::Gauge, Value::Number(number)) => metrics::gauge!(name, labels).set(*number),
                (_, Value::Number(number)) => metrics::counter!(name, labels).increment(*number as u64),
                (_, Value::Durations(durations)) => {
                    let histogram = metrics::histogram!(name, labels);
                    for (middle, count) in durations.bins() {
                        histogram.record_many(middle, usize::try_from(count).unwrap_or(usize::MAX));
                    }
                }
            }
        }
    }
}

fn describe(export: &'static Export) -> &'static str {
    let (Facade::Messaging(name, _) | Facade::Own(name)) = export.facade;
    match export.shape {
        Shape::Counter => metrics::describe_counter!(name, Unit::Count, export.help),
        Shape::Gauge if export.name.ends_with("_seconds") => {
            metrics::describe_gauge!(name, Unit::Seconds, export.help)
        }
        Shape::Gauge => metrics::describe_gauge!(name, Unit::Count, export.help),
        Shape::Histogram => metrics::describe_histogram!(name, Unit::Seconds, export.help),
    }
    name
}

fn labels_of(export: &Export, values: &[String]) -> Vec<Label> {
    let values = values.iter().cloned();
    match export.facade {
        Facade::Own(_) => {
            export.labels.iter().zip(values).map(|(name, value)| Label::new(*name, value)).collect()
        }
        Facade::Messaging(_, operation) => {
            let mut labels = vec![
                Label::from_static_parts("messaging.system", "mainspring"),
                Label::from_static_parts("messaging.operation.name", operation),
            ];
            labels.extend(values.map(|task| Label::new("messaging.destination.name", task)));
            labels
        }
    }
}
