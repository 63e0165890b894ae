//! What the bench is told on its command line. Knows nothing of what the modes do.

pub(crate) const USAGE: &str =
    "usage: load throughput|latency|latency-remote|enqueue|all [--jobs N] [--url URL]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Throughput,
    Latency,
    LatencyRemote,
    Enqueue,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Throughput, Self::Latency, Self::LatencyRemote, Self::Enqueue];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::LatencyRemote => "latency-remote",
            Self::Enqueue => "enqueue",
        }
    }

    pub(crate) fn default_jobs(self) -> usize {
        match self {
            Self::Throughput => 100_000,
            Self::Latency | Self::LatencyRemote => 1_000,
            Self::Enqueue => 50_000,
        }
    }

    fn parse(text: &str) -> Option<Vec<Self>> {
        if text == "all" {
            return Some(Self::ALL.to_vec());
        }
        Self::ALL.into_iter().find(|mode| mode.name() == text).map(|mode| vec![mode])
    }
}

pub(crate) struct Arguments {
    pub(crate) modes: Vec<Mode>,
    pub(crate) jobs: Option<usize>,
    pub(crate) url: Option<String>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self { modes: Vec::new(), jobs: None, url: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                // What `cargo bench` adds to every bench.
                "--bench" => {}
                "--jobs" => parsed.jobs = Some(parse_jobs(words.next())?),
                "--url" => parsed.url = Some(words.next().ok_or("--url must be followed by a URL")?),
                mode if parsed.modes.is_empty() => {
                    parsed.modes = Mode::parse(mode).ok_or(format!("no mode is called `{mode}`"))?;
                }
                other => return Err(format!("`{other}` is one argument too many")),
            }
        }
        if parsed.modes.is_empty() { Err("a mode is missing".into()) } else { Ok(parsed) }
    }
}

fn parse_jobs(text: Option<String>) -> Result<usize, String> {
    let text = text.unwrap_or_default();
    let jobs = text.parse().ok().filter(|jobs| (1..=100_000_000).contains(jobs));
    jobs.ok_or_else(|| format!("--jobs must be followed by 1 to 100000000, got `{text}`"))
}
