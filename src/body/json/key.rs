use crate::find_byte::find_any;

/// The wanted paths, of one part or of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paths {
    pub(super) paths: &'static [&'static str],
    /// Whether the case of a key matters.
    pub(super) exact: bool,
}

/// The first part of a path that has two: its first `len` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    path: u8,
    len: u8,
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The path that ends here.
    pub(super) path: Option<u8>,
    /// The path that goes on inside, if the value is an object.
    pub(super) parent: Option<Parent>,
}

impl Paths {
    /// What a key means at the top, or inside an object. It is given with its
    /// quotes, and may contain escapes.
    #[inline]
    pub(super) fn meaning(self, inside: Option<Parent>, quoted: &[u8], escaped: bool) -> Meaning {
        if escaped {
            return self.decode_and_find(inside, quoted);
        }
        self.find(inside, &quoted[1..quoted.len() - 1])
    }

    #[cold]
    fn decode_and_find(self, inside: Option<Parent>, quoted: &[u8]) -> Meaning {
        match serde_json::from_slice::<String>(quoted) {
            Ok(key) => self.find(inside, key.as_bytes()),
            Err(_) => Meaning::default(),
        }
    }

    #[inline]
    fn find(self, inside: Option<Parent>, key: &[u8]) -> Meaning {
        match inside {
            None => self.find_at_the_top(key),
            Some(parent) => self.find_inside(parent, key),
        }
    }

    #[inline]
    fn find_at_the_top(self, key: &[u8]) -> Meaning {
        let mut meaning = Meaning::default();
        for (index, path) in self.paths.iter().enumerate() {
            if let Some(rest) = strip(path.as_bytes(), key, self.exact) {
                meaning.add(index, rest, key);
            }
        }
        meaning
    }

    fn find_inside(self, parent: Parent, key: &[u8]) -> Meaning {
        let name = &self.paths[usize::from(parent.path)].as_bytes()[..usize::from(parent.len)];
        let mut meaning = Meaning::default();
        for (index, path) in self.paths.iter().enumerate() {
            if let Some([b'.', rest @ ..]) = strip(path.as_bytes(), name, self.exact)
                && let Some([]) = strip(rest, key, self.exact)
            {
                meaning.add(index, &[], key);
            }
        }
        meaning
    }
}

impl Meaning {
    /// Takes in that `key` is how the path begins, and `rest` how it goes on.
    #[inline]
    fn add(&mut self, index: usize, rest: &[u8], key: &[u8]) {
        let (Ok(index), Ok(len)) = (u8::try_from(index), u8::try_from(key.len())) else {
            return;
        };
        // A dot in a key would be taken for the one between two parts.
        if find_any(key, [b'.']).is_some() {
            return;
        }
        match rest {
            [] => self.path = self.path.or(Some(index)),
            [b'.', ..] => {
                self.parent = self.parent.or(Some(Parent { path: index, len }));
            }
            _ => {}
        }
    }
}

/// What follows `name` in `path`. Unless `exact`, its ASCII case is ignored.
#[inline]
fn strip<'a>(path: &'a [u8], name: &[u8], exact: bool) -> Option<&'a [u8]> {
    // Most names are told apart by their first byte. What bit 5 lets pass
    // wrongly is found below.
    if name.is_empty() || path.len() < name.len() || (path[0] ^ name[0]) & !0x20 != 0 {
        return None;
    }
    let (first, rest) = path.split_at(name.len());
    (first == name || (!exact && first.eq_ignore_ascii_case(name))).then_some(rest)
}
