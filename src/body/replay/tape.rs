use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;

/// What of a frame is kept for those that read it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    Trailers(Box<HeaderMap>),
}

impl Piece {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Data(data) => data.len(),
            Self::Trailers(trailers) => trailers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum(),
        }
    }

    fn data_len(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            Self::Trailers(_) => 0,
        }
    }
}

/// Names one reader of a [`Tape`]. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReaderId(u64);

#[derive(Clone, Copy, Debug)]
struct Reader {
    id: ReaderId,
    /// The number of the piece that it reads next.
    next: u64,
    started: bool,
}

/// Holds the pieces between the slowest of several readers and the fastest,
/// up to a number of bytes. Beyond it, all readers but one are cut off.
///
/// What nobody needs any more is handed out, not dropped: the tape is under a
/// lock, and to drop bytes may run anything.
#[derive(Debug)]
pub(super) struct Tape {
    pieces: VecDeque<Piece>,
    /// The number of the first piece that is held.
    first: u64,
    bytes: usize,
    max_bytes: usize,
    readers: Vec<Reader>,
    last_id: u64,
}

impl Tape {
    /// A tape with one reader.
    pub(super) fn new(max_bytes: usize) -> (Self, ReaderId) {
        let id = ReaderId(0);
        let reader = Reader {
            id,
            next: 0,
            started: false,
        };
        let tape = Self {
            pieces: VecDeque::new(),
            first: 0,
            bytes: 0,
            max_bytes,
            readers: vec![reader],
            last_id: 0,
        };
        (tape, id)
    }

    /// One more reader that stands where `id` does, or `None` if that was cut
    /// off.
    pub(super) fn copy(&mut self, id: ReaderId) -> Option<ReaderId> {
        let next = self.reader(id)?.next;
        self.last_id += 1;
        let id = ReaderId(self.last_id);
        self.readers.push(Reader {
            id,
            next,
            started: false,
        });
        Some(id)
    }

    #[must_use = "to be dropped where nothing is locked"]
    pub(super) fn remove(&mut self, id: ReaderId) -> Vec<Piece> {
        self.readers.retain(|reader| reader.id != id);
        self.forget()
    }

    pub(super) fn is_cut(&self, id: ReaderId) -> bool {
        self.reader(id).is_none()
    }

    /// The next piece for this reader, if it is held.
    pub(super) fn read(&mut self, id: ReaderId) -> Option<Piece> {
        let first = self.first;
        let needed = |reader: &Reader| reader.id != id && reader.next == first;
        let others_need_first = self.readers.iter().any(needed);
        let reader = self.readers.iter_mut().find(|reader| reader.id == id)?;
        reader.started = true;
        let index = usize::try_from(reader.next - first).ok()?;
        if index > 0 || others_need_first {
            let piece = self.pieces.get(index)?.clone();
            reader.next += 1;
            return Some(piece);
        }
        let piece = self.pieces.pop_front()?;
        reader.next += 1;
        self.first += 1;
        self.bytes = self.bytes.saturating_sub(piece.len());
        Some(piece)
    }

    /// How many bytes of data are held for this reader.
    pub(super) fn ahead(&self, id: ReaderId) -> u64 {
        self.unread(id).map(Piece::data_len).sum()
    }

    /// Whether nothing is held for this reader.
    pub(super) fn is_at_end(&self, id: ReaderId) -> bool {
        self.unread(id).next().is_none()
    }

    /// Adds a piece that the reader `by` has asked for. If that is too much to
    /// hold, only the newest reader that has begun goes on: the others are
    /// older attempts, or copies for later ones.
    #[must_use = "to be dropped where nothing is locked"]
    pub(super) fn push(&mut self, piece: Piece, by: ReaderId) -> Vec<Piece> {
        self.bytes = self.bytes.saturating_add(piece.len());
        self.pieces.push_back(piece);
        let alone = self.readers.len() <= 1;
        if self.bytes <= self.max_bytes || alone {
            return Vec::new();
        }
        let begun = self.readers.iter().filter(|reader| reader.started);
        let heir = begun.map(|reader| reader.id).max().unwrap_or(by);
        self.readers.retain(|reader| reader.id == heir);
        self.forget()
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    fn unread(&self, id: ReaderId) -> impl Iterator<Item = &Piece> {
        let from = self.reader(id).map_or(usize::MAX, |reader| {
            usize::try_from(reader.next - self.first).unwrap_or(usize::MAX)
        });
        self.pieces.iter().skip(from)
    }

    fn reader(&self, id: ReaderId) -> Option<&Reader> {
        self.readers.iter().find(|reader| reader.id == id)
    }

    /// Lets go of what every reader has read.
    fn forget(&mut self) -> Vec<Piece> {
        let slowest = self.readers.iter().map(|reader| reader.next).min();
        let mut forgotten = Vec::new();
        while slowest.is_none_or(|slowest| self.first < slowest)
            && let Some(piece) = self.pieces.pop_front()
        {
            self.first += 1;
            self.bytes = self.bytes.saturating_sub(piece.len());
            forgotten.push(piece);
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: &'static str) -> Piece {
        Piece::Data(Bytes::from_static(bytes.as_bytes()))
    }

    #[test]
    fn a_lone_reader_holds_nothing_back() {
        let (mut tape, only) = Tape::new(0);
        for _ in 0..3 {
            drop(tape.push(data("abc"), only));
            assert_eq!(tape.read(only), Some(data("abc")));
            assert_eq!(tape.bytes, 0);
        }
    }

    #[test]
    fn too_much_cuts_off_the_copy_that_waits() {
        let (mut tape, first) = Tape::new(4);
        let kept = tape.copy(first).unwrap();
        assert_eq!(tape.read(first), None);
        drop(tape.push(data("abc"), first));
        assert!(!tape.is_cut(kept));
        drop(tape.push(data("de"), first));
        assert!(tape.is_cut(kept));
        assert_eq!(tape.copy(kept), None);
        assert_eq!(tape.read(first), Some(data("abc")));
        assert_eq!(tape.read(first), Some(data("de")));
        assert_eq!(tape.bytes, 0);
    }

    #[test]
    fn too_much_leaves_the_newest_attempt_running() {
        let (mut tape, first) = Tape::new(4);
        let kept = tape.copy(first).unwrap();
        drop(tape.push(data("abc"), first));
        assert_eq!(tape.read(first), Some(data("abc")));
        let second = tape.copy(kept).unwrap();
        // Begun, but behind the first, which asks for more.
        assert_eq!(tape.read(second), Some(data("abc")));
        drop(tape.push(data("de"), first));
        assert!(tape.is_cut(first));
        assert!(tape.is_cut(kept));
        assert_eq!(tape.read(second), Some(data("de")));
    }

    #[test]
    fn what_all_have_read_is_let_go() {
        let (mut tape, first) = Tape::new(100);
        let second = tape.copy(first).unwrap();
        drop(tape.push(data("abc"), first));
        tape.read(first);
        assert_eq!((tape.bytes, tape.ahead(second)), (3, 3));
        assert_eq!(tape.remove(second), [data("abc")]);
        assert_eq!(tape.bytes, 0);
    }
}
