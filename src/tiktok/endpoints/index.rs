//! Where the row of a path is in the table, without a search: every request
//! asks.

use super::table::ENDPOINTS;

/// A power of two, and more than twice as many as there are rows.
const SLOTS: usize = 1024;

/// In a slot that no row has.
const FREE: u16 = u16::MAX;

/// The rows by the hash of their paths; one that finds its slot taken has the
/// next free one.
static INDEX: [u16; SLOTS] = index();

/// The row at this path, which is given without its last slash.
pub(super) fn row_at(path: &str) -> Option<usize> {
    let mut slot = first_slot(path.as_bytes());
    loop {
        let row = usize::from(INDEX[slot]);
        let found = ENDPOINTS.get(row)?.path();
        if found.strip_suffix('/') == Some(path) {
            return Some(row);
        }
        slot = (slot + 1) % SLOTS;
    }
}

const fn index() -> [u16; SLOTS] {
    let mut index = [FREE; SLOTS];
    let mut row = 0;
    while row < ENDPOINTS.len() {
        let [path @ .., b'/'] = ENDPOINTS[row].path().as_bytes() else {
            panic!("a path ends with a slash");
        };
        let mut slot = first_slot(path);
        while index[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        index[slot] = row as u16;
        row += 1;
    }
    index
}

/// How a path begins, how it ends and its length tell nearly all apart.
const fn first_slot(path: &[u8]) -> usize {
    let ends = match (path.first_chunk(), path.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
        }
        _ => 0,
    };
    let mixed = (ends ^ path.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (u64::BITS - SLOTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_at_its_path() {
        for (row, endpoint) in ENDPOINTS.iter().enumerate() {
            let path = endpoint.path().trim_end_matches('/');
            assert_eq!(row_at(path), Some(row), "{path}");
        }
    }

    #[test]
    fn few_rows_are_asked_about_a_path() {
        let longest = INDEX.split(|&row| row == FREE).map(<[u16]>::len).max();
        assert!(longest.is_some_and(|longest| longest <= 12), "{longest:?}");
    }
}
