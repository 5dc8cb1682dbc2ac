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

    #[cfg(feature = "request-pacing")]
    #[inline]
    pub(crate) fn get(&self, at: At) -> Option<&T> {
        match self.slots.get(index(at))? {
            Slot::Used(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: At) -> Option<&mut T> {
        match self.slots.get_mut(index(at))? {
            Slot::Used(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// How many values there are.
    #[cfg(feature = "request-pacing")]
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Each value and its place.
    #[cfg(feature = "request-pacing")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (At, &T)> {
        let slots = (1..).map_while(At::new).zip(&self.slots);
        slots.filter_map(|(at, slot)| match slot {
            Slot::Used(value) => Some((at, value)),
            Slot::Free { .. } => None,
        })
    }

    /// The place after that, round and round. It may be free.
    #[cfg(feature = "request-pacing")]
    pub(crate) fn after(&self, at: Option<At>) -> Option<At> {
        let next = at.map_or(1, |at| at.get().wrapping_add(1));
        let last = self.slots.len();
        At::new(if next as usize > last { 1 } else { next }).filter(|_| last > 0)
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
