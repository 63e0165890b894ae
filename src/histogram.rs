//! Durations in logarithmic bins: four bins for each doubling, from a microsecond to 104 days. Histograms can be added, and
//! their quantiles are within a tenth of the exact values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Serialize, Serializer};

/// How many bins there are. What is longer than the last one counts there.
const BINS: usize = 4 * 44 + 1;
/// The first bin has everything below two to this power, in nanoseconds.
const FIRST_EXPONENT: u32 = 10;
// Two to the power of a quarter, a half and three quarters, times 2^31.
const QUARTERS: [u64; 3] = [2_553_802_834, 3_037_000_500, 3_611_622_603];

/// How many durations lie in each of a fixed set of bins.
///
/// A bin is a quarter of a doubling wide. So a quantile, the geometric middle of its bin, is at most 9.1 % off. That holds
/// from 1.024 microseconds to 104 days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By the number of the bin. The last one is not zero.
    counts: Vec<u64>,
}

impl Histogram {
    /// From the number of the first bin, and the counts from there on.
    pub(crate) fn from_bins(first: usize, counts: impl IntoIterator<Item = u64>) -> Self {
        let mut all = vec![0; first.min(BINS)];
        all.extend(counts);
        all.truncate(BINS);
        Self { counts: all }.trimmed()
    }

    /// Adds a duration.
    pub fn record(&mut self, duration: Duration) {
        let bin = bin_of(duration);
        if self.counts.len() <= bin {
            self.counts.resize(bin + 1, 0);
        }
        self.counts[bin] += 1;
    }

    /// Adds all durations of another histogram.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Returns how many durations were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the duration that `quantile` of all do not exceed, such as 0.5 for the median, or `None` if there is none. By
    /// the nearest rank: the smallest duration that at least that share does not exceed.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let total = self.count();
        // Shares of counts beyond 2^53 lose their last digits, which are far below a bin.
        let rank = ((quantile.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1);
        let mut up_to = 0;
        let bin = self.counts.iter().position(|count| {
            up_to += count;
            up_to >= rank
        })?;
        Some(Duration::from_nanos(middle_of(bin) as u64))
    }

    /// Returns how many durations are shorter than two to the power of `exponent`, in nanoseconds.
    pub(crate) fn below(&self, exponent: u32) -> u64 {
        let octaves = exponent.saturating_sub(FIRST_EXPONENT) as usize;
        self.counts.iter().take(1 + 4 * octaves).sum()
    }

    /// Returns the bins that are not empty: their middles in seconds, and their counts.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (f64, u64)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bin, count)| (middle_of(bin) / 1e9, *count))
    }

    /// Returns the sum of all durations, in seconds. It is as exact as a quantile.
    pub(crate) fn sum_seconds(&self) -> f64 {
        self.bins().map(|(middle, count)| middle * count as f64).sum()
    }

    /// What was added after an earlier state of this histogram.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let earlier = before.counts.iter().copied().chain(std::iter::repeat(0));
        let counts =
            self.counts.iter().zip(earlier).map(|(now, before)| now.saturating_sub(before)).collect();
        Self { counts }.trimmed()
    }

    /// As an array of PostgreSQL whose subscripts are the numbers of the bins, such as `[40:42]={1,0,2}`.
    pub(crate) fn to_sql(&self) -> Option<String> {
        let first = self.counts.iter().position(|count| *count > 0)?;
        let counts: Vec<_> = self.counts[first..].iter().map(u64::to_string).collect();
        Some(format!("[{first}:{}]={{{}}}", self.counts.len() - 1, counts.join(",")))
    }

    fn trimmed(mut self) -> Self {
        let end = self.counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        self.counts.truncate(end);
        self
    }
}

/// As `{"count": 3, "p50_ms": 1.2, "p95_ms": 4.5, "p99_ms": 4.5}`. Without durations, the three are null.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let millis = |quantile| self.quantile(quantile).map(|duration| duration.as_secs_f64() * 1_000.0);
        let mut shown = serializer.serialize_struct("Histogram", 4)?;
        shown.serialize_field("count", &self.count())?;
        shown.serialize_field("p50_ms", &millis(0.5))?;
        shown.serialize_field("p95_ms", &millis(0.95))?;
        shown.serialize_field("p99_ms", &millis(0.99))?;
        shown.end()
    }
}

/// A histogram that several threads add to.
#[derive(Debug)]
pub(crate) struct SharedHistogram([AtomicU64; BINS]);

impl Default for SharedHistogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BINS])
    }
}

impl SharedHistogram {
    pub(crate) fn record(&self, duration: Duration) {
        self.0[bin_of(duration)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn load(&self) -> Histogram {
        Histogram::from_bins(0, self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

fn bin_of(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let exponent = nanos.max(1).ilog2();
    if exponent < FIRST_EXPONENT {
        return 0;
    }
    // From 2^31 up to 2^32.
    let mantissa = if exponent > 31 { nanos >> (exponent - 31) } else { nanos << (31 - exponent) };
    let quarters = QUARTERS.iter().filter(|quarter| mantissa >= **quarter).count();
    let octave = (exponent - FIRST_EXPONENT) as usize;
    (1 + 4 * octave + quarters).min(BINS - 1)
}

/// In nanoseconds.
fn middle_of(bin: usize) -> f64 {
    let lowest = f64::from(FIRST_EXPONENT);
    match bin {
        0 => 2_f64.powf(lowest - 1.0),
        _ => 2_f64.powf(lowest + (bin as f64 - 0.5) / 4.0),
    }
}

#[cfg(test)]
mod tests;
