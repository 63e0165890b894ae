//! Figures in the text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use super::names::Shape;
use super::{Figure, Value};
use crate::histogram::Histogram;

/// What a response with this text has as its `Content-Type`.
#[cfg_attr(not(feature = "actix-web"), allow(dead_code, reason = "the handler sends it"))]
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The buckets end at two to the power of these, in nanoseconds: from 0.26 ms to 73 minutes.
const BUCKETS: std::ops::RangeInclusive<u32> = 18..=42;

/// Writes figures as text.
pub(crate) fn text(figures: &[Figure]) -> String {
    let mut text = String::new();
    for Figure { export, values } in figures.iter().filter(|figure| !figure.values.is_empty()) {
        let shape = match export.shape {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
            Shape::Histogram => "histogram",
        };
        line(&mut text, format_args!("# HELP {} {}", export.name, export.help));
        line(&mut text, format_args!("# TYPE {} {shape}", export.name));
        for (labels, value) in values {
            let labels: Vec<_> =
                export.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
            match value {
                Value::Number(number) => {
                    line(&mut text, format_args!("{}{} {number}", export.name, Labels(&labels, None)));
                }
                Value::Durations(histogram) => buckets(&mut text, export.name, &labels, histogram),
            }
        }
    }
    text
}

fn buckets(text: &mut String, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
    for exponent in BUCKETS {
        let bound = (2_f64.powi(exponent as i32) / 1e9).to_string();
        let count = histogram.below(exponent);
        line(text, format_args!("{name}_bucket{} {count}", Labels(labels, Some(&bound))));
    }
    line(text, format_args!("{name}_bucket{} {}", Labels(labels, Some("+Inf")), histogram.count()));
    line(text, format_args!("{name}_sum{} {}", Labels(labels, None), histogram.sum_seconds()));
    line(text, format_args!("{name}_count{} {}", Labels(labels, None), histogram.count()));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = writeln!(text, "{line}");
}

/// Labels, and the upper bound of a bucket.
struct Labels<'a>(&'a [(&'a str, &'a str)], Option<&'a str>);

impl std::fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(labels, bound) = self;
        let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut before = '{';
        for (name, value) in all {
            write!(f, "{before}{name}=\"")?;
            value.chars().try_for_each(|character| escaped(f, character))?;
            f.write_char('"')?;
            before = ',';
        }
        if before == ',' { f.write_char('}') } else { Ok(()) }
    }
}

fn escaped(f: &mut std::fmt::Formatter<'_>, character: char) -> std::fmt::Result {
    match character {
        '\\' => f.write_str("\\\\"),
        '"' => f.write_str("\\\""),
        '\n' => f.write_str("\\n"),
        _ => f.write_char(character),
    }
}
