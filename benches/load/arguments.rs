//! The arguments of the bench. Knows nothing of what the modes do.

use std::time::Duration;

pub(crate) const USAGE: &str = "usage: load MODE [--jobs N] [--history] [--processes 1|2] [--rows N] [--huge] [--minutes M] \
    [--rate N] [--seconds N] [--url URL], where MODE is throughput, latency, latency-remote, enqueue, flat, pinned, soak, \
    rest, memory, batches, cost, many, waits, kit, or all for the first four";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Throughput,
    Latency,
    LatencyRemote,
    Enqueue,
    Flat,
    Pinned,
    Soak,
    Rest,
    Memory,
    Batches,
    Cost,
    /// A load beside acts on many jobs.
    Many,
    /// Jobs that wait for jobs.
    Waits,
    /// Tests of an application with the test kit.
    Kit,
    /// The second process of `throughput --processes 2`.
    Helper,
}

impl Mode {
    const QUICK: [Self; 4] = [Self::Throughput, Self::Latency, Self::LatencyRemote, Self::Enqueue];
    const OTHERS: [Self; 11] = [
        Self::Flat,
        Self::Pinned,
        Self::Soak,
        Self::Rest,
        Self::Memory,
        Self::Batches,
        Self::Cost,
        Self::Many,
        Self::Waits,
        Self::Kit,
        Self::Helper,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::LatencyRemote => "latency-remote",
            Self::Enqueue => "enqueue",
            Self::Flat => "flat",
            Self::Pinned => "pinned",
            Self::Soak => "soak",
            Self::Rest => "rest",
            Self::Memory => "memory",
            Self::Batches => "batches",
            Self::Cost => "cost",
            Self::Many => "many",
            Self::Waits => "waits",
            Self::Kit => "kit",
            Self::Helper => "helper",
        }
    }

    pub(crate) fn default_jobs(self) -> usize {
        match self {
            Self::Throughput | Self::Batches | Self::Cost | Self::Waits => 100_000,
            Self::Latency | Self::LatencyRemote => 1_000,
            Self::Enqueue => 50_000,
            Self::Flat => 50_000,
            Self::Memory => 1_000_000,
            Self::Many => 20_000,
            Self::Kit => 50,
            Self::Pinned | Self::Soak | Self::Rest | Self::Helper => 0,
        }
    }

    /// Whether it reads from the server what its statements have cost.
    pub(crate) fn counts_statements(self) -> bool {
        matches!(self, Self::Pinned | Self::Cost)
    }

    fn parse(text: &str) -> Option<Vec<Self>> {
        if text == "all" {
            return Some(Self::QUICK.to_vec());
        }
        let mut modes = Self::QUICK.into_iter().chain(Self::OTHERS);
        modes.find(|mode| mode.name() == text).map(|mode| vec![mode])
    }
}

pub(crate) struct Arguments {
    pub(crate) modes: Vec<Mode>,
    pub(crate) jobs: Option<usize>,
    pub(crate) url: Option<String>,
    /// Whether finished jobs are kept in the history.
    pub(crate) history: bool,
    pub(crate) processes: usize,
    /// The largest table that `flat` makes.
    pub(crate) rows: usize,
    /// Whether `flat` goes on to ten times as many, and to five times as many rows of history.
    pub(crate) huge: bool,
    minutes: f64,
    /// Jobs a second of `pinned` and `soak`.
    pub(crate) rate: usize,
    seconds: usize,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::new();
        while let Some(word) = words.next() {
            match word.as_str() {
                // What `cargo bench` adds to every bench.
                "--bench" => {}
                "--jobs" => parsed.jobs = Some(number(&word, words.next(), 100_000_000)?),
                "--history" => parsed.history = true,
                "--processes" => parsed.processes = number(&word, words.next(), 2)?,
                "--rows" => parsed.rows = number(&word, words.next(), 100_000_000)?,
                "--huge" => parsed.huge = true,
                "--minutes" => parsed.minutes = minutes(&word, words.next())?,
                "--rate" => parsed.rate = number(&word, words.next(), 100_000)?,
                "--seconds" => parsed.seconds = number(&word, words.next(), 100_000)?,
                "--url" => parsed.url = Some(words.next().ok_or("--url must be followed by a URL")?),
                mode if parsed.modes.is_empty() => {
                    parsed.modes = Mode::parse(mode).ok_or(format!("no mode is called `{mode}`"))?;
                }
                other => return Err(format!("`{other}` is one argument too many")),
            }
        }
        if parsed.modes.is_empty() { Err("a mode is missing".into()) } else { Ok(parsed) }
    }

    fn new() -> Self {
        Self {
            modes: Vec::new(),
            jobs: None,
            url: None,
            history: false,
            processes: 1,
            rows: 1_000_000,
            huge: false,
            minutes: 10.0,
            rate: 1_000,
            seconds: 60,
        }
    }

    /// For how long `pinned` and `soak` go on.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }

    /// For how long `rest` looks.
    pub(crate) fn rest(&self) -> Duration {
        Duration::from_secs(self.seconds as u64)
    }
}

fn number(option: &str, text: Option<String>, most: usize) -> Result<usize, String> {
    let text = text.unwrap_or_default();
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{option} must be followed by 1 to {most}, got `{text}`"))
}

fn minutes(option: &str, text: Option<String>) -> Result<f64, String> {
    let text = text.unwrap_or_default();
    let number = text.parse().ok().filter(|number| (0.1..=10_000.0).contains(number));
    number.ok_or_else(|| format!("{option} must be followed by 0.1 to 10000, got `{text}`"))
}
