use std::ops::ControlFlow;

use crate::tiktok::context::{params::parameter, word::Word};

/// The longest boundary, by RFC 2046.
const MAX_BOUNDARY: usize = 70;

/// The longest header line of a part that is understood, and the longest
/// value that is kept.
const MAX_KEPT: usize = 256;

/// Finds the account in a multipart form while it streams by, in whatever
/// pieces it comes.
#[derive(Debug)]
pub(super) struct FormFields {
    boundary: Kept<MAX_BOUNDARY>,
    at: At,
    /// The header line or the value that we are in.
    kept: Kept<MAX_KEPT>,
    /// The field that the part we are in is, as an index of those wanted.
    part: Option<usize>,
    wanted: &'static [&'static str],
    best: Option<Word>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// In the text before the first part, or in a part's value; so many bytes
    /// of the delimiter were seen.
    Value { matched: usize },
    /// Behind the delimiter. It is one only if `--` or the line's end
    /// follows; this is the last byte seen.
    Delimiter { last: u8 },
    /// In a header line of a part.
    Header,
}

// ===== impl FormFields =====

impl FormFields {
    /// Looks for `fields`, the best first, in a form of this content type.
    /// `None` if that is no multipart form, or names no valid boundary.
    pub(super) fn new(content_type: &[u8], fields: &'static [&'static str]) -> Option<Self> {
        const FORM: &[u8] = b"multipart/form-data";
        let (essence, parameters) = content_type.split_at_checked(FORM.len())?;
        let boundary = parameter(parameters, "boundary")?;
        let mut this = Self {
            boundary: Kept::default(),
            // A form may begin with a delimiter; the line's end that belongs
            // to it is then the one before the body.
            at: At::Value { matched: 2 },
            kept: Kept::default(),
            part: None,
            wanted: fields,
            best: None,
        };
        this.boundary.extend(boundary);
        let valid = this.boundary.get().is_some_and(|kept| !kept.is_empty());
        (essence.eq_ignore_ascii_case(FORM) && valid).then_some(this)
    }

    /// Sees the next piece. `Break` says that it has seen enough.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> ControlFlow<()> {
        while let Some((&byte, rest)) = piece.split_first() {
            piece = rest;
            match self.at {
                At::Value { matched: 0 } if self.part.is_none() && byte != b'\r' => {
                    // A file, most likely. Only a line's end is of interest.
                    let skip = piece.iter().position(|&byte| byte == b'\r');
                    piece = &piece[skip.unwrap_or(piece.len())..];
                }
                At::Value { matched } => self.at = self.value(matched, byte),
                At::Delimiter { last } => self.at = self.delimiter(last, byte)?,
                At::Header if byte == b'\n' => self.at = self.header_line(),
                At::Header => self.kept.push(byte),
            }
        }
        ControlFlow::Continue(())
    }

    /// The best account found.
    pub(super) fn into_account(self) -> Option<Word> {
        self.best
    }

    fn value(&mut self, matched: usize, byte: u8) -> At {
        if byte == self.delimiter_byte(matched) {
            let matched = matched + 1;
            return match matched == 4 + self.boundary.len {
                true => At::Delimiter { last: 0 },
                false => At::Value { matched },
            };
        }
        // What looked like a delimiter was none. A boundary has no line's
        // end in it, so no other can have begun within.
        if self.part.is_some() {
            for i in 0..matched {
                self.kept.push(self.delimiter_byte(i));
            }
        }
        self.begin_value(byte)
    }

    fn begin_value(&mut self, byte: u8) -> At {
        if byte == b'\r' {
            return At::Value { matched: 1 };
        }
        if self.part.is_some() {
            self.kept.push(byte);
        }
        At::Value { matched: 0 }
    }

    fn delimiter(&mut self, last: u8, byte: u8) -> ControlFlow<(), At> {
        match (last, byte) {
            (0, b'-') | (0 | b' ', b'\r') => {
                return ControlFlow::Continue(At::Delimiter { last: byte });
            }
            (0 | b' ', b' ' | b'\t') => return ControlFlow::Continue(At::Delimiter { last: b' ' }),
            (b'-', b'-') => {
                self.end_part();
                return ControlFlow::Break(());
            }
            (b'\r', b'\n') => {
                self.end_part();
                return match self.wanted {
                    [] => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(At::Header),
                };
            }
            _ => {}
        }
        // A longer line that begins like a delimiter: no id has one in it.
        self.kept.spoil();
        ControlFlow::Continue(self.begin_value(byte))
    }

    fn end_part(&mut self) {
        if let Some(rank) = self.part.take()
            && let Some(value) = self.kept.get()
            && let Some(word) = Word::from_text(value.iter().copied())
        {
            self.best = Some(word);
            // Of interest is only what is better.
            self.wanted = &self.wanted[..rank];
        }
        self.kept = Kept::default();
    }

    fn header_line(&mut self) -> At {
        const DISPOSITION: &[u8] = b"content-disposition:";
        let line = std::mem::take(&mut self.kept);
        // One that was too long is not that of a field we want.
        let line = line.get().unwrap_or(b"-");
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return At::Value { matched: 0 };
        }
        if let Some((header, value)) = line.split_at_checked(DISPOSITION.len())
            && header.eq_ignore_ascii_case(DISPOSITION)
        {
            let name = parameter(value, "name").unwrap_or_default();
            self.part = self
                .wanted
                .iter()
                .position(|field| field.as_bytes() == name);
        }
        At::Header
    }

    fn delimiter_byte(&self, i: usize) -> u8 {
        match i {
            0 => b'\r',
            1 => b'\n',
            2 | 3 => b'-',
            _ => self.boundary.bytes[i - 4],
        }
    }
}

/// Up to `N` bytes, in place.
#[derive(Clone, Copy, Debug)]
struct Kept<const N: usize> {
    bytes: [u8; N],
    /// Past `N` when there was more.
    len: usize,
}

impl<const N: usize> Default for Kept<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }
}

impl<const N: usize> Kept<N> {
    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.spoil(),
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.push(byte));
    }

    fn spoil(&mut self) {
        self.len = N + 1;
    }

    /// All of it, if it had room.
    fn get(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len)
    }
}

#[cfg(test)]
mod tests;
