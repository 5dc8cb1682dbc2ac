use tokio::time::Instant;

/// Which attempt at a request this is. In the extensions of each resend;
/// the first attempt carries none.
///
/// A layer that lets requests wait must heed [`send_before`](Self::send_before):
/// a copy that is sent later is no longer known for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
    first_sent: Instant,
    send_before: Option<Instant>,
}

impl Attempt {
    /// The attempt with this number, 2 for the first resend, of a request that
    /// was first sent at `first_sent`.
    #[must_use]
    pub fn new(number: u32, first_sent: Instant) -> Self {
        Self {
            number,
            first_sent,
            send_before: None,
        }
    }

    /// Forbids sending it at or after `instant`.
    #[must_use]
    pub fn with_send_before(mut self, instant: Option<Instant>) -> Self {
        self.send_before = instant;
        self
    }

    /// 1 for the first attempt, 2 for the first resend, and so on.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// When the first attempt was made.
    #[must_use]
    pub fn first_sent(&self) -> Instant {
        self.first_sent
    }

    /// The instant from which on this attempt must not be sent any more.
    #[must_use]
    pub fn send_before(&self) -> Option<Instant> {
        self.send_before
    }
}
