use std::hash::BuildHasher;

use crate::extensions::AccountId;

/// An account and its hash, which is computed once for each request.
///
/// `None` is the one account that all requests without an account share.
#[derive(Clone, Debug)]
pub(super) struct Key {
    hash: u64,
    account: Option<AccountId>,
}

/// A text of 8 to 24 bytes, as all usual ids are: three numbers that overlap
/// where it is shorter are hashed in half the time of so many bytes.
#[derive(Debug, Hash, PartialEq)]
struct Words {
    first: u64,
    middle: u64,
    last: u64,
}

impl Words {
    #[inline]
    fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() > 24 {
            return None;
        }
        let (first, _) = bytes.split_first_chunk()?;
        let (_, last) = bytes.split_last_chunk()?;
        let middle = bytes.get(8..16).and_then(|bytes| bytes.first_chunk());
        Some(Self {
            first: u64::from_ne_bytes(*first),
            middle: middle.map_or(0, |middle| u64::from_ne_bytes(*middle)),
            last: u64::from_ne_bytes(*last),
        })
    }
}

impl Key {
    #[inline]
    pub(super) fn new(account: Option<AccountId>, hasher: &impl BuildHasher) -> Self {
        let hash = |account: &AccountId| match Words::of(account.as_str()) {
            Some(words) => hasher.hash_one(words),
            None => hasher.hash_one(account),
        };
        Self {
            hash: account.as_ref().map_or(0, hash),
            account,
        }
    }

    pub(super) fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    #[inline]
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.account == other.account
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_or_long_text_is_left_to_the_hasher() {
        assert_eq!(Words::of("7000001"), None);
        assert_eq!(Words::of(&"7".repeat(25)), None);
    }

    proptest! {
        #[test]
        fn every_byte_of_a_text_counts(text in "[0-9]{8,24}", at: prop::sample::Index) {
            let mut other = text.clone().into_bytes();
            other[at.index(text.len())] = b'x';
            let other = String::from_utf8(other).unwrap();
            prop_assert_ne!(Words::of(&text), Words::of(&other));
        }
    }
}
