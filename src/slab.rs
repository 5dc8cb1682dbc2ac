use std::num::NonZeroU32;

/// Slots up to which the memory is kept once all are free.
const KEPT: usize = 64;

/// Where in a [`Slab`] a value is. Small, with room for a `None`.
pub(crate) type At = NonZeroU32;

/// Values at stable places. Once it has grown, nothing is allocated; what a
/// burst took is freed when the last value has gone.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Option<At>,
    used: usize,
}

#[derive(Debug)]
enum Slot<T> {
    Free { next: Option<At> },
    Used(T),
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            used: 0,
        }
    }

    /// `None` if there are as many as can be told apart.
    pub(crate) fn insert(&mut self, value: T) -> Option<At> {
        let at = match self.free {
            Some(at) => {
                let slot = &mut self.slots[index(at)];
                if let Slot::Free { next } = slot {
                    self.free = *next;
                }
                *slot = Slot::Used(value);
                at
            }
            None => {
                let at = u32::try_from(self.slots.len() + 1).ok()?;
                self.slots.push(Slot::Used(value));
                At::new(at)?
            }
        };
        self.used += 1;
        Some(at)
    }

    pub(crate) fn get_mut(&mut self, at: At) -> Option<&mut T> {
        match self.slots.get_mut(index(at))? {
            Slot::Used(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// Frees a place that is in use.
    pub(crate) fn remove(&mut self, at: At) {
        if let Some(slot @ Slot::Used(_)) = self.slots.get_mut(index(at)) {
            *slot = Slot::Free { next: self.free };
            self.free = Some(at);
            self.used -= 1;
        }
        if self.used == 0 && self.slots.len() > KEPT {
            *self = Self::new();
        }
    }
}

fn index(at: At) -> usize {
    at.get() as usize - 1
}
