use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{InvalidBackoff, ledger::Ledger};

/// Bounds how many resends there may be for the requests there are, so that
/// retries cannot make an overload worse.
///
/// Each request earns a share of a resend, each resend spends a whole one,
/// and both are forgotten after a while. A reserve lets a quiet client resend
/// too. A request that was refused and told when to come back spends nothing:
/// whoever obeys adds no load.
///
/// Clones share one budget: give clones to several layers to bound them
/// together.
///
/// # Example
/// ```
/// use tower_tiktok::jittered_backoff::{Budget, JitteredBackoffLayer};
///
/// // One resend for two requests, and none at all without requests.
/// let budget = Budget::builder().percent(50).min_per_second(0).build()?;
/// let layer = JitteredBackoffLayer::builder().budget(budget).build();
/// assert!(layer.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    /// When the ledger turns a page. To compare two instants is a tenth of the
    /// work of dividing one, and every request does it.
    turns_at: Option<Instant>,
    refused: u64,
}

/// How a [`Budget`] stood at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetUse {
    /// Resends that could be made at once.
    pub left: u64,
    /// Resends that were left out for want of budget, since it was made.
    pub refused: u64,
}

/// Builds a [`Budget`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct BudgetBuilder {
    ttl: Duration,
    percent: u32,
    min_per_second: u32,
}

// ===== impl Budget =====

impl Budget {
    /// A budget of 20 percent, counted over 10 seconds, and 10 resends a
    /// second in reserve, unless told otherwise.
    pub fn builder() -> BudgetBuilder {
        BudgetBuilder {
            ttl: Duration::from_secs(10),
            percent: 20,
            min_per_second: 10,
        }
    }

    /// Books a request.
    #[inline]
    pub(super) fn deposit(&self, now: Instant) {
        let mut books = self.books();
        if books.turns_at.is_some_and(|turns_at| now >= turns_at) {
            self.turn(&mut books, now);
        }
        books.ledger.deposit();
    }

    /// Books a resend, if there is enough left for it.
    pub(super) fn withdraw(&self, now: Instant) -> bool {
        let mut books = self.books();
        self.turn(&mut books, now);
        let granted = books.ledger.withdraw();
        books.refused += u64::from(!granted);
        granted
    }

    /// What is left, and what was refused.
    #[must_use]
    pub fn snapshot(&self) -> BudgetUse {
        let mut books = self.books();
        self.turn(&mut books, Instant::now());
        BudgetUse {
            left: books.ledger.left(),
            refused: books.refused,
        }
    }

    #[cold]
    fn turn(&self, books: &mut Books, now: Instant) {
        let start = self.shared.start;
        books.ledger.turn_to(now.saturating_duration_since(start));
        books.turns_at = turns_at(start, &books.ledger);
    }

    #[inline]
    fn books(&self) -> MutexGuard<'_, Books> {
        // Sums do not panic; if they did, they would still be sums.
        self.shared
            .books
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that cannot tell so late an instant never comes to it.
fn turns_at(start: Instant, ledger: &Ledger) -> Option<Instant> {
    start.checked_add(ledger.turns_at())
}

impl Default for Budget {
    fn default() -> Self {
        Self::builder().finish()
    }
}

// ===== impl BudgetBuilder =====

impl BudgetBuilder {
    /// For how long requests and resends count. The default is 10 seconds.
    /// A shorter time forgets a burst sooner; a longer one lets more of it be
    /// spent at once.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How many resends a hundred requests earn, from 0 to 1000. The default
    /// is 20. Fewer protect the server, more get single requests through.
    pub fn percent(mut self, percent: u32) -> Self {
        self.percent = percent;
        self
    }

    /// How many resends a second there may be, whatever the number of
    /// requests. The default is 10. A client with few requests needs it; with
    /// 0 it can hardly ever resend.
    pub fn min_per_second(mut self, min_per_second: u32) -> Self {
        self.min_per_second = min_per_second;
        self
    }

    /// The budget.
    ///
    /// # Errors
    /// If the time is zero or the percentage above 1000.
    pub fn build(self) -> Result<Budget, InvalidBackoff> {
        if self.ttl.is_zero() {
            return Err(InvalidBackoff::ZeroBudgetTtl);
        }
        if self.percent > 1000 {
            return Err(InvalidBackoff::BudgetAbove1000Percent);
        }
        Ok(self.finish())
    }

    fn finish(self) -> Budget {
        let start = Instant::now();
        let ledger = Ledger::new(self.ttl, self.percent, self.min_per_second);
        let turns_at = turns_at(start, &ledger);
        Budget {
            shared: Arc::new(Shared {
                start,
                books: Mutex::new(Books {
                    ledger,
                    turns_at,
                    refused: 0,
                }),
            }),
        }
    }
}
