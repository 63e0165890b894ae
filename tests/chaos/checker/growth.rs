//! Which of the sampled quantities have grown. The first quarter of the samples warms caches and pools, and does not count.

use std::collections::BTreeMap;

/// A median that is beyond this much of an earlier one has grown.
const ROOM: f64 = 1.1;

/// The quantities that grew, each with its medians in the second and in the last quarter.
pub fn grown(samples: &BTreeMap<String, Vec<u64>>) -> Vec<(&str, u64, u64)> {
    let compared = samples.iter().filter(|(_, values)| values.len() >= 8).map(|(quantity, values)| {
        let quarter = values.len() / 4;
        let (early, late) = (median(&values[quarter..2 * quarter]), median(&values[3 * quarter..]));
        (quantity.as_str(), early, late)
    });
    compared
        .filter(|(quantity, early, late)| *late as f64 > *early as f64 * ROOM + slack(quantity) as f64)
        .collect()
}

/// The medians of all quantities, a line each.
pub fn described(samples: &BTreeMap<String, Vec<u64>>) -> Vec<String> {
    let each = samples.iter().filter(|(_, values)| values.len() >= 8).map(|(quantity, values)| {
        let quarter = values.len() / 4;
        let (early, late) = (median(&values[quarter..2 * quarter]), median(&values[3 * quarter..]));
        format!("{quantity} {early} to {late} ({} samples)", values.len())
    });
    each.collect()
}

// Pools open and close connections as load comes and goes, each with a descriptor. Memory is in kilobytes. A session prepares each kind
// of statement when it first sends one, some of them late.
fn slack(quantity: &str) -> u64 {
    match quantity {
        memory if memory.starts_with("memory") => 4096,
        prepared if prepared.starts_with("prepared") => 12,
        _ => 3,
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
