use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What really happened, as the server saw it.
///
/// Durations are since the simulator was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Everything together.
    pub total: Tally,
    /// By endpoint, as in `/campaign/create/`. Unknown URLs are not in it.
    pub endpoints: BTreeMap<&'static str, Tally>,
    /// By advertiser. A call for several advertisers is in each.
    pub advertisers: BTreeMap<String, Tally>,
    /// The seconds in which anything arrived, in order.
    pub seconds: Vec<Second>,
    /// The same by endpoint.
    pub endpoint_seconds: BTreeMap<&'static str, Vec<Second>>,
    /// The suspensions, in order.
    pub suspensions: Vec<Suspension>,
    /// The last answers, oldest first, as many as
    /// [`remember_answers`](super::SimulatorBuilder::remember_answers) says.
    pub answers: VecDeque<Issued>,
    /// The tasks and videos, in the order of creation.
    pub made: Vec<Made>,
}

/// Something that was made in the background, and asked after.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Made {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub begun: Duration,
    /// When it was there, or had failed.
    pub ready: Duration,
    /// When somebody was told so first.
    pub told: Option<Duration>,
    /// How often it was asked after.
    pub polls: u64,
}

/// Counts of calls, and of what came of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Calls that arrived.
    pub received: u64,
    /// Calls that passed every limit.
    pub admitted: u64,
    /// Calls refused by a limit.
    pub refused: Refused,
    /// Calls answered with an error of the caller's own: a bad token, a
    /// missing parameter, an unknown URL.
    pub rejected: u64,
    /// Writes carried out.
    pub applied: u64,
    /// Objects that writes created.
    pub created: u64,
    /// Objects created again: same advertiser, same endpoint, same name.
    pub duplicated: u64,
    /// Repeated writes that the server itself recognised and did not apply.
    pub deduplicated: u64,
    /// Writes carried out whose success the caller was never told.
    pub lost_answers: u64,
    /// Calls whose caller went away before the answer.
    pub abandoned: u64,
    /// Faults that took effect, by [`Fault::name`](super::Fault::name).
    pub faults: BTreeMap<&'static str, u64>,
}

/// Refused calls, by what refused them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The app's or the endpoint's second.
    pub second: u64,
    /// The app's or the endpoint's minute: the calls that brought a suspension, if there are any.
    pub minute: u64,
    /// A suspension that had been brought already.
    pub suspended: u64,
    /// The app's or the endpoint's day.
    pub day: u64,
    /// The advertiser's second on this endpoint (40133).
    pub advertiser: u64,
    /// The second of a field's value (40132).
    pub field: u64,
    /// The penalty for reports that timed out.
    pub penalty: u64,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Second {
    /// Whole seconds since the simulator was built.
    pub second: u64,
    /// Calls that passed every limit.
    pub admitted: u64,
    /// Calls that a limit refused.
    pub refused: u64,
}

/// An app or an endpoint shut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspension {
    /// The endpoint, or `None` for the whole app.
    pub path: Option<&'static str>,
    /// When it began.
    pub from: Duration,
    /// When it was to end. Refused calls may have moved it.
    pub until: Duration,
    /// Whether the day's limit brought it, not the minute's.
    pub for_the_day: bool,
}

/// An answer with an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// When the call arrived.
    pub at: Duration,
    /// The id, in the header and mostly also in the body.
    pub request_id: String,
    /// The endpoint.
    pub path: &'static str,
    /// The code in the envelope.
    pub code: i64,
}

// ===== impl Refused =====

impl Refused {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.second
            + self.minute
            + self.suspended
            + self.day
            + self.advertiser
            + self.field
            + self.penalty
    }
}

// ===== impl Tally =====

impl Tally {
    /// How often this fault took effect.
    #[must_use]
    pub fn faults(&self, fault: super::Fault) -> u64 {
        self.faults.get(fault.name()).copied().unwrap_or(0)
    }
}
