use super::*;

const QUANTILES: [f64; 6] = [0.0, 0.25, 0.5, 0.9, 0.99, 1.0];

fn of(durations: &[Duration]) -> Histogram {
    let mut histogram = Histogram::default();
    durations.iter().for_each(|duration| histogram.record(*duration));
    histogram
}

fn exact(sorted: &[Duration], quantile: f64) -> Duration {
    let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
    sorted[rank - 1]
}

fn expect_close(mut durations: Vec<Duration>, what: &str) {
    let histogram = of(&durations);
    durations.sort_unstable();
    for quantile in QUANTILES {
        let (exact, found) = (exact(&durations, quantile), histogram.quantile(quantile).expect("durations"));
        let off = (found.as_secs_f64() / exact.as_secs_f64() - 1.0).abs();
        assert!(off <= 0.1, "{what}, quantile {quantile}: {found:?} instead of {exact:?}");
    }
}

#[test]
fn quantiles_are_within_a_tenth() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = random.usize(1..5_000);
        let even = (0..size).map(|_| Duration::from_nanos(random.u64(2_000..5_000_000_000)));
        expect_close(even.collect(), "even");
        // Pareto's distribution, with an infinite variance.
        let tail = (0..size).map(|_| Duration::from_secs_f64(1e-4 * random.f64().max(1e-9).powf(-1.0 / 1.1)));
        expect_close(tail.collect(), "heavy tail");
        let octaves = (0..size).map(|_| Duration::from_nanos(1 << random.u32(10..53)));
        expect_close(octaves.collect(), "borders of bins");
        let two = (0..size).map(|_| Duration::from_millis(if random.bool() { 1 } else { 60_000 }));
        expect_close(two.collect(), "two values");
    }
}

#[test]
fn every_duration_has_a_bin_and_no_longer_one_has_a_lower_bin() {
    let mut before = 0;
    for exponent in 0..64 {
        for nanos in [1_u64 << exponent, (1 << exponent) + (1 << exponent) / 3, (1 << exponent) / 4 * 7] {
            let bin = bin_of(Duration::from_nanos(nanos));
            assert!((before..BINS).contains(&bin), "{nanos} ns: bin {bin} after {before}");
            before = bin;
        }
    }
    assert_eq!((bin_of(Duration::ZERO), bin_of(Duration::MAX)), (0, BINS - 1));
}

#[test]
fn the_whole_has_what_its_parts_have() {
    let all: Vec<_> = (1..400).map(|n| Duration::from_micros(n * n)).collect();
    let (one, other) = all.split_at(123);
    let mut merged = of(one);
    merged.merge(&of(other));
    assert_eq!(merged, of(&all));
    assert_eq!(of(&all).since(&of(one)), of(other));
    assert_eq!(of(&all).since(&of(&all)), Histogram::default());
}

#[test]
fn an_empty_one_has_no_quantile() {
    assert_eq!((Histogram::default().quantile(0.5), Histogram::default().to_sql()), (None, None));
}

#[test]
fn subscripts_are_the_numbers_of_bins() {
    let histogram = Histogram::from_bins(40, [1, 0, 2, 0]);
    assert_eq!(histogram.to_sql().as_deref(), Some("[40:42]={1,0,2}"));
    assert_eq!(histogram.count(), 3);
}

#[test]
fn threads_add_to_one() {
    let shared = SharedHistogram::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|n| shared.record(Duration::from_micros(n))));
        }
    });
    assert_eq!(shared.load().count(), 4_000);
}
