use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use smol_str::SmolStr;

use crate::slab::{At, Slab};

/// Where a name is in [`Names`].
pub(super) type NameAt = At;

/// The endpoints, and the values of fields, that scopes are named after: each
/// text once, however many accounts share it.
#[derive(Debug)]
pub(super) struct Names {
    places: HashTable<NameAt>,
    names: Slab<Name>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: SmolStr,
    /// How many gates bear it.
    gates: u32,
    /// The gate of the endpoint of this name.
    pub(super) endpoint: Option<At>,
    /// The gate of the value of a field.
    pub(super) field: Option<At>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            places: HashTable::new(),
            names: Slab::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<NameAt> {
        let same = |at: &NameAt| self.names.get(*at).is_some_and(|name| name.text == text);
        self.places.find(hash(&self.hasher, text), same).copied()
    }

    #[inline]
    pub(super) fn get(&self, at: NameAt) -> &Name {
        self.names.get(at).expect(NAME)
    }

    pub(super) fn get_mut(&mut self, at: NameAt) -> &mut Name {
        self.names.get_mut(at).expect(NAME)
    }

    /// One more gate bears this name.
    pub(super) fn bear(&mut self, text: &SmolStr) -> Option<NameAt> {
        let at = match self.find(text) {
            Some(at) => at,
            None => {
                let at = self.names.insert(Name {
                    text: text.clone(),
                    gates: 0,
                    endpoint: None,
                    field: None,
                })?;
                let (names, hasher) = (&self.names, &self.hasher);
                let of = |at: &NameAt| hash(hasher, names.get(*at).map_or("", |name| &name.text));
                self.places.insert_unique(hash(hasher, text), at, of);
                at
            }
        };
        self.get_mut(at).gates += 1;
        Some(at)
    }

    /// One gate less does.
    pub(super) fn shed(&mut self, at: NameAt) {
        self.get_mut(at).gates -= 1;
        let name = self.get(at);
        if name.gates == 0 {
            let hash = hash(&self.hasher, &name.text);
            if let Ok(entry) = self.places.find_entry(hash, |other| *other == at) {
                entry.remove();
            }
            self.names.remove(at);
        }
    }
}

// NOTE: a name goes with the last gate that bears it.
const NAME: &str = "a name that is borne stays";

fn hash(hasher: &DefaultHashBuilder, text: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}
