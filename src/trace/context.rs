//! The context of a trace as W3C writes it in the header `traceparent`. Nothing else of a trace is stored: no `tracestate`, which
//! is of use to one vendor, and no baggage, which may hold anything.

use std::fmt;

/// A span of another place: its trace, its id and its flags, as in the header `traceparent` of W3C's Trace Context.
///
/// ```
/// use mainspring::trace::TraceContext;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context = TraceContext::parse(header).unwrap();
/// assert_eq!(context.trace_id(), 0x4bf92f3577b34da6a3ce929d0e0e4736);
/// assert!(context.is_sampled());
/// assert_eq!(context.to_string(), header);
/// assert_eq!(TraceContext::parse("00-junk"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

const SAMPLED: u8 = 1;
/// The flags of version 00: the trace is sampled, and its id is random.
const KNOWN_FLAGS: u8 = SAMPLED | 2;
/// The length of version 00. A later version may add to it, behind another dash.
const LENGTH: usize = 55;

impl TraceContext {
    /// Creates the context of a span. `None` if one of the ids is zero, which means that there is no span. Flags that W3C has not
    /// defined are dropped.
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64, flags: u8) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS })
    }

    /// Reads a header `traceparent`. `None` if it is malformed: by W3C's rule such a header is ignored, and the trace begins
    /// again. A later version is read as version 00.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let (known, more) = traceparent.split_at_checked(LENGTH)?;
        let mut fields = known.split('-');
        let (version, trace_id, span_id, flags) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let is_whole = more.is_empty() || (version != "00" && more.starts_with('-'));
        if hex(version, 2)? == 0xff || fields.next().is_some() || !is_whole {
            return None;
        }
        let span_id = u64::try_from(hex(span_id, 16)?).ok()?;
        Self::new(hex(trace_id, 32)?, span_id, u8::try_from(hex(flags, 2)?).ok()?)
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(self) -> u128 {
        self.trace_id
    }

    /// Returns the id of the span.
    #[must_use]
    pub fn span_id(self) -> u64 {
        self.span_id
    }

    /// Returns the flags: 1 for a sampled trace, 2 for a random id.
    #[must_use]
    pub fn flags(self) -> u8 {
        self.flags
    }

    /// Returns `true` if the trace is recorded where the span comes from.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

// W3C allows lower case only.
fn hex(digits: &str, count: usize) -> Option<u128> {
    let is_hex = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    (digits.len() == count && is_hex).then(|| u128::from_str_radix(digits, 16).ok())?
}

/// As a header `traceparent` of version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

/// How a span refers to the context of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// The span continues the trace: the other one is its parent. So it is for the first attempt of a job that starts within 30
    /// seconds after the job was added.
    Parent,
    /// The span has a trace of its own, with a link to the other one. So it is for retries, and for jobs that start late.
    Link,
}
