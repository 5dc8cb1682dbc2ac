use super::{core::Core, scopes::Kind, tick::Now};
use crate::slab::At;

/// Scopes that were used of late and are kept ready to be used again.
const READY: usize = 1_024;

/// So few scopes are no burden.
const FEW: usize = 16;

/// Which scopes are kept, and how large.
///
/// Only those that differ from a new one are kept: the memory follows the
/// requests of the last windows, and no debt is forgotten.
impl Core {
    /// Puts a gate in line to be made small. That of the application is used
    /// too often for that.
    #[inline]
    pub(super) fn list(&mut self, at: At, now: Now) {
        let gate = self.gate(at);
        if gate.is_placed() {
            return;
        }
        (gate.listed, gate.used) = (true, false);
        self.in_line.push_back(at);
        if self.in_line.len() > READY {
            self.shrink_one(now);
        }
    }

    /// Makes the gate small that was not used for longest, more or less.
    fn shrink_one(&mut self, now: Now) {
        let Some(at) = self.in_line.pop_front() else {
            return;
        };
        // It may have gone: then nothing is lost if it is another.
        let Some(gate) = self.gates.get_mut(at) else {
            return;
        };
        if std::mem::take(&mut gate.used) {
            self.in_line.push_back(at);
        } else {
            gate.listed = false;
            gate.shrink(now);
        }
    }

    /// Looks at a few gates, and removes those that are as new.
    #[inline]
    pub(super) fn evict(&mut self, now: Now) {
        if self.gates.len() > FEW || self.refused {
            (0..2).for_each(|_| self.evict_next(now));
        }
    }

    fn evict_next(&mut self, now: Now) {
        // What was learned is past some time; other few stay.
        let all = self.gates.len() > FEW;
        let at = self.gates.after(self.looked_at);
        self.looked_at = at;
        if let Some(at) = at
            && let Some(gate) = self.gates.get_mut(at)
            && gate.kind != Kind::App
            && (all || gate.is_cut())
            && gate.is_idle(now)
        {
            self.drop_gate(at);
        }
    }
}
