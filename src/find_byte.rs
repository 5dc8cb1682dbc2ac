//! A search for bytes in short texts.

/// One bit for each byte: its lowest.
const ONES: u64 = u64::MAX / 0xFF;

/// One bit for each byte: its highest.
const HIGH: u64 = ONES << 7;

/// Where the first byte is that is one of `wanted`.
///
/// Eight bytes are looked at together. What keys and ids are searched for is
/// mostly a few words away: too near for a vectorised search to pay.
#[inline]
pub(crate) fn find_any<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let found = wanted
            .iter()
            .fold(0, |found, byte| found | zeros(word ^ repeat(*byte)));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += size_of::<u64>();
    }
    let more = rest.iter().position(|byte| wanted.contains(byte))?;
    Some(at + more)
}

fn repeat(byte: u8) -> u64 {
    ONES * u64::from(byte)
}

/// The highest bit of the first byte that is zero, and maybe bits above it.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_two_bytes_is_found(bytes in vec(b'a'..b'f', 0..40), a in b'a'..b'h', b in b'a'..b'h') {
            let first = bytes.iter().position(|byte| [a, b].contains(byte));
            prop_assert_eq!(find_any(&bytes, [a, b]), first);
        }

        #[test]
        fn neighbours_of_a_byte_are_told_from_it(bytes in vec(any::<u8>(), 0..40), a: u8, b: u8) {
            let first = bytes.iter().position(|byte| [a, b].contains(byte));
            prop_assert_eq!(find_any(&bytes, [a, b]), first);
        }
    }
}
