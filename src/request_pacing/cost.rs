use super::{Inadmissible, charge::Path, core::Core, waiter::Wish};

/// Requests that count as several.
impl Core {
    /// The path of a request that counts as so many as it says: if that is one
    /// too many for a quota, it never passes.
    #[inline]
    pub(super) fn at_cost(
        &self,
        mut path: Path,
        wish: &Wish<'_>,
    ) -> Result<Path, Box<Inadmissible>> {
        path.cost = wish.context.map_or(1, |context| context.cost().get());
        if path.cost > 1 {
            self.check_cost(path, wish)?;
        }
        Ok(path)
    }

    #[cold]
    fn check_cost(&self, path: Path, wish: &Wish<'_>) -> Result<(), Box<Inadmissible>> {
        for gate in path.gates().filter_map(|at| self.gates.get(at)) {
            if gate.windows().all(|(requests, ..)| path.cost <= requests) {
                continue;
            }
            // It may have learned less than it was told.
            let scope = self.scope_of(gate);
            let own = self.by_hand.get(&scope).and_then(|it| it.quota.clone());
            let quota = own.or_else(|| wish.scopes.quota(&scope));
            let windows = quota.iter().flat_map(|quota| quota.windows());
            let most = windows.map(|window| window.requests()).min();
            if let Some(most) = most.filter(|most| *most < path.cost) {
                let cost = path.cost;
                return Err(Inadmissible::Cost { scope, cost, most }.into());
            }
        }
        Ok(())
    }
}
