use std::ops::ControlFlow;

use super::{JsonFields, key::Meaning, skip};

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the object; so many bytes of a byte order mark were seen.
    Start {
        bom: u8,
    },
    /// A key, or the end of an empty object.
    FirstKey,
    /// A key, after a comma.
    NextKey,
    InKey,
    Colon,
    Value,
    InText,
    InScalar,
    InNested,
    /// A comma, or the end of the object.
    AfterValue,
    /// The object was closed.
    Closed,
    /// Nothing more is to be seen.
    Stopped,
}

impl JsonFields {
    /// Goes through a piece, byte by byte only where a wanted field may be.
    pub(super) fn scan(
        &mut self,
        piece: &[u8],
        found: &mut impl FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            match self.state {
                State::InKey => match self.text.end(&piece[at..]) {
                    Some(end) => {
                        at += end;
                        self.key_ends(piece, at);
                    }
                    None => break,
                },
                State::InText => match self.text.end(&piece[at..]) {
                    Some(end) => {
                        at += end;
                        self.value_ends(piece, at, found)?;
                    }
                    None => break,
                },
                State::InNested => match self.nested.end(&piece[at..]) {
                    Some(end) => {
                        at += end;
                        self.value_ends(piece, at, found)?;
                    }
                    None => break,
                },
                State::InScalar => match skip::end_of_scalar(&piece[at..]) {
                    Some(end) => {
                        at += end;
                        // What follows tells whether this was the whole of it.
                        if !matches!(piece[at], b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t') {
                            return ControlFlow::Break(());
                        }
                        self.value_ends(piece, at, found)?;
                    }
                    None => break,
                },
                State::Start { bom } => {
                    self.start(bom, byte)?;
                    at += 1;
                }
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => at += 1,
                State::FirstKey | State::NextKey if byte == b'"' => {
                    self.key.begin(at);
                    self.text.begin();
                    self.state = State::InKey;
                    at += 1;
                }
                State::Colon if byte == b':' => {
                    self.state = State::Value;
                    at += 1;
                }
                State::Value => {
                    self.value_begins(byte, at)?;
                    at += 1;
                }
                State::AfterValue if byte == b',' => {
                    self.state = State::NextKey;
                    at += 1;
                }
                State::FirstKey | State::AfterValue if byte == b'}' => {
                    at += 1;
                    if self.inside.take().is_none() {
                        self.state = State::Closed;
                        return ControlFlow::Break(());
                    }
                    self.value_ends(piece, at, found)?;
                }
                // A comma without a value, a key without a colon, and so on.
                _ => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    /// White space, a byte order mark at the very beginning, and the brace.
    #[inline]
    fn start(&mut self, bom: u8, byte: u8) -> ControlFlow<()> {
        self.state = match (bom, byte) {
            (0 | 3, b'{') => {
                self.is_object = Some(true);
                State::FirstKey
            }
            (0 | 3, b' ' | b'\n' | b'\r' | b'\t') => State::Start { bom: 3 },
            (0, 0xEF) | (1, 0xBB) | (2, 0xBF) => State::Start { bom: bom + 1 },
            _ => {
                self.is_object = Some(false);
                return ControlFlow::Break(());
            }
        };
        ControlFlow::Continue(())
    }

    #[inline]
    fn key_ends(&mut self, piece: &[u8], end: usize) {
        let level = usize::from(self.inside.is_some());
        self.meanings[level] = match self.key.end(piece, end) {
            Some(key) => self.paths.meaning(self.inside, key, self.text.is_escaped()),
            None => Meaning::default(),
        };
        self.state = State::Colon;
    }

    #[inline]
    fn value_begins(&mut self, byte: u8, at: usize) -> ControlFlow<()> {
        let level = usize::from(self.inside.is_some());
        let meaning = self.meanings[level];
        if meaning.path.is_some() {
            self.values[level].begin(at);
        }
        self.state = match byte {
            b'{' if meaning.parent.is_some() => {
                self.inside = meaning.parent;
                State::FirstKey
            }
            b'{' | b'[' => {
                self.nested.begin();
                State::InNested
            }
            b'"' => {
                self.text.begin();
                State::InText
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => State::InScalar,
            _ => return ControlFlow::Break(()),
        };
        ControlFlow::Continue(())
    }

    #[inline]
    fn value_ends(
        &mut self,
        piece: &[u8],
        end: usize,
        found: &mut impl FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.state = State::AfterValue;
        let level = usize::from(self.inside.is_some());
        let Some(path) = self.meanings[level].path else {
            return ControlFlow::Continue(());
        };
        match self.values[level].end(piece, end) {
            Some(text) => found(usize::from(path), text),
            None => ControlFlow::Continue(()),
        }
    }
}
