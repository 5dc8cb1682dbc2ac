use tokio::time::Instant;

use crate::shared_state::Exchange;

/// The exchanges under way. One is about whatever is due; the others are beside it,
/// about scopes where somebody would have to wait for its end. No two are about the
/// same scope, so each may overtake another.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Vec<Sent>);

/// One of them.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) exchange: Exchange,
    pub(super) at: Instant,
    pub(super) beside: bool,
}

impl UnderWay {
    /// Whether all up to this one are over.
    pub(super) fn is_over(&self, number: u64) -> bool {
        self.0.iter().all(|sent| sent.exchange.number > number)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the next one goes beside another.
    pub(super) fn goes_beside(&self) -> bool {
        self.0.iter().any(|sent| !sent.beside)
    }

    /// Of how many scopes a store hears beside what it hears anyway.
    pub(super) fn beside(&self) -> usize {
        let beside = self.0.iter().filter(|sent| sent.beside);
        beside.map(|sent| sent.exchange.scopes.len()).sum()
    }

    pub(super) fn begin(&mut self, exchange: Exchange, at: Instant) {
        let beside = self.goes_beside();
        self.0.push(Sent {
            exchange,
            at,
            beside,
        });
    }

    pub(super) fn end(&mut self, number: u64) -> Option<Sent> {
        let at = self.0.iter().position(|it| it.exchange.number == number)?;
        Some(self.0.swap_remove(at))
    }
}
