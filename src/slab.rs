use std::num::NonZeroU32;

/// Slots up to which the memory is kept once all are free.
const KEPT: usize = 64;

/// The bits of an [`At`] that tell which value of a slot it is.
const GENERATION_BITS: u32 = 6;
const GENERATIONS: u32 = 1 << GENERATION_BITS;

/// Where in a [`Slab`] a value is. Small, with room for a `None`.
///
/// It tells the value from those that had its slot before: an old one finds
/// nothing, but for one in 64 that is very old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At(NonZeroU32);

/// Values at stable places. Once it has grown, nothing is allocated; what a
/// burst took is freed when the last value has gone.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The index of a free slot.
    free: Option<u32>,
    used: usize,
    /// With which generation a new slot begins.
    first: u8,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u8,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Free { next: Option<u32> },
    Used(T),
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            used: 0,
            first: 0,
        }
    }

    /// `None` if there are as many as can be told apart.
    pub(crate) fn insert(&mut self, value: T) -> Option<At> {
        let state = State::Used(value);
        let at = match self.free {
            Some(index) => {
                let slot = &mut self.slots[index as usize];
                if let State::Free { next } = slot.state {
                    self.free = next;
                }
                slot.state = state;
                At::new(index, slot.generation)?
            }
            None => {
                let at = At::new(u32::try_from(self.slots.len()).ok()?, self.first)?;
                let generation = self.first;
                self.slots.push(Slot { generation, state });
                at
            }
        };
        self.used += 1;
        Some(at)
    }

    #[cfg(feature = "request-pacing")]
    #[inline]
    pub(crate) fn get(&self, at: At) -> Option<&T> {
        match self.slots.get(at.index())? {
            Slot {
                generation,
                state: State::Used(value),
            } if *generation == at.generation() => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: At) -> Option<&mut T> {
        match self.slots.get_mut(at.index())? {
            Slot {
                generation,
                state: State::Used(value),
            } if *generation == at.generation() => Some(value),
            _ => None,
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
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(index, slot)| match &slot.state {
            State::Used(value) => Some((At::new(index, slot.generation)?, value)),
            State::Free { .. } => None,
        })
    }

    /// The place after that, round and round. It may be free.
    #[cfg(feature = "request-pacing")]
    pub(crate) fn after(&self, at: Option<At>) -> Option<At> {
        let next = at.map_or(0, |at| at.index() + 1);
        let index = if next < self.slots.len() { next } else { 0 };
        let generation = self.slots.get(index)?.generation;
        At::new(u32::try_from(index).ok()?, generation)
    }

    /// Frees a place that is in use.
    pub(crate) fn remove(&mut self, at: At) -> Option<T> {
        self.get_mut(at)?;
        let slot = self.slots.get_mut(at.index())?;
        let free = State::Free { next: self.free };
        let removed = std::mem::replace(&mut slot.state, free);
        slot.generation = next(slot.generation);
        self.free = u32::try_from(at.index()).ok();
        self.used -= 1;
        if self.used == 0 && self.slots.len() > KEPT {
            let first = next(self.first);
            *self = Self::new();
            self.first = first;
        }
        match removed {
            State::Used(value) => Some(value),
            State::Free { .. } => None,
        }
    }
}

fn next(generation: u8) -> u8 {
    (generation + 1) % (GENERATIONS as u8)
}

impl At {
    fn new(index: u32, generation: u8) -> Option<Self> {
        let number = index.checked_add(1)?;
        let fits = number.leading_zeros() >= GENERATION_BITS;
        let at = number << GENERATION_BITS | u32::from(generation);
        NonZeroU32::new(at).filter(|_| fits).map(Self)
    }

    #[inline]
    fn index(self) -> usize {
        (self.0.get() >> GENERATION_BITS) as usize - 1
    }

    #[inline]
    fn generation(self) -> u8 {
        (self.0.get() % GENERATIONS) as u8
    }

    /// A place that is before all others.
    #[cfg(feature = "request-pacing")]
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_place_is_not_that_of_the_next() {
        let mut slab = Slab::new();
        let mut old = Vec::new();
        for n in 0..GENERATIONS - 1 {
            let at = slab.insert(n).unwrap();
            assert_eq!(slab.remove(at), Some(n));
            old.push(at);
        }
        let at = slab.insert(100).unwrap();
        assert!(old.iter().all(|old| slab.get_mut(*old).is_none()));
        assert!(old.iter().all(|old| slab.remove(*old).is_none()));
        assert_eq!(slab.get_mut(at), Some(&mut 100));
        // Nor after all have gone and the memory was freed.
        let many: Vec<_> = (0..KEPT as u32 + 1).map(|n| slab.insert(n)).collect();
        for at in many.iter().copied().flatten().chain([at]) {
            slab.remove(at);
        }
        slab.insert(200).unwrap();
        assert!(
            many.into_iter()
                .flatten()
                .all(|old| slab.get_mut(old).is_none())
        );
    }
}
