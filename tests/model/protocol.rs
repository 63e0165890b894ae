//! The times and the rules of the protocol as the model takes them, and the variants that are wrong on purpose.

/// The parts of the time-out, in hundredths. A test compares them with the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// How long a confirmed beat holds the fence open.
    pub fence: i32,
    /// The longest distance between two beats that is no gap.
    pub gap: i32,
    /// How far the first time without a gap lies ahead, behind a gap.
    pub interval: i32,
}

pub const PARTS: Parts = Parts { fence: 65, gap: 50, interval: 20 };

/// The same in ticks of true time, rounded to the disadvantage of the protocol: the worker stops late, and the others take
/// early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Times {
    /// The age of a beat at which its worker is lost.
    pub lost: i8,
    /// The age of a confirmed beat at which the fence shuts.
    pub fence: i8,
    pub gap: i8,
    pub interval: i8,
}

impl Times {
    /// The worker's clock is slow by so many hundredths, and the server's is fast by as many.
    pub const fn new(parts: Parts, timeout: i32, drift: i32) -> Self {
        Self {
            lost: (timeout * 100 / (100 + drift)) as i8,
            fence: up(timeout * parts.fence, 100 - drift),
            gap: up(timeout * parts.gap, 100 + drift),
            interval: (timeout * parts.interval / (100 + drift)) as i8,
        }
    }
}

const fn up(part: i32, whole: i32) -> i8 {
    ((part + whole - 1) / whole) as i8
}

/// The protocol itself, or one that must be found faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Sound,
    /// A rescuer judges by the time-out alone, whatever it knows of its own beats.
    RescuerIgnoresGaps,
    /// A rescuer waits for its own time-out, whatever that of the other worker is.
    RescuerUsesOwnTimeout,
    /// A rescuer waits for the time-out of the other worker, whatever its own is.
    RescuerUsesOtherTimeout,
    /// A rescuer trusts what an earlier start of the server has stored of its own beats.
    RescuerIgnoresStarts,
    /// A beat without a row stores the row again.
    BeatResurrects,
    /// A beat that executes behind a newer one is stored.
    BeatIgnoresNumbers,
    /// The fence counts from the confirmation of a beat, not from its send time.
    FenceCountsFromReply,
    /// The fence counts no time in which the process is stopped.
    FenceIgnoresStops,
    /// A worker starts and continues what was claimed for an earlier id.
    FenceIgnoresIds,
    /// A settle names the job and no lease.
    SettleIgnoresLeases,
    /// A search for orphans takes a job under whichever lease it finds it.
    SearchIgnoresLeases,
    /// A search takes an orphan as soon as it finds it.
    SearchTakesAtOnce,
}

/// What a standby is sure to have of the primary when it takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// Every confirmed change of a job. It may lack the last beats, which do not wait for it.
    Synchronous,
    /// Nothing.
    Asynchronous,
    /// No standby: the server crashes. It keeps confirmed beats, and may lack the last changes of jobs.
    Relaxed,
}

/// How much of each kind of trouble may happen in one run. Requests and replies may always be lost, and replies late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    pub crashes: u8,
    pub stops: u8,
    /// Beats that arrive late: after their process has died or has another id.
    pub late_beats: u8,
    /// Claims that arrive late.
    pub late_claims: u8,
    /// Beats that wait for a lock at the server.
    pub waits: u8,
    /// Rows of workers that a person deletes.
    pub deletions: u8,
    pub failovers: u8,
    /// Steps of the server's clock.
    pub steps: u8,
}

impl Trouble {
    pub const NONE: Self = Self {
        crashes: 0,
        stops: 0,
        late_beats: 0,
        late_claims: 0,
        waits: 0,
        deletions: 0,
        failovers: 0,
        steps: 0,
    };
}
