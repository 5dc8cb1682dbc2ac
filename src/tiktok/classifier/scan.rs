use std::ops::ControlFlow;

use smol_str::SmolStr;

use super::value;
use crate::{
    body::JsonFields,
    classify::{ApiCode, Scan},
    extensions::PartialFailure,
    tiktok::{codes::Api, partial::Look},
};

/// The beginning of a body that is no object is kept up to so many bytes.
const MAX_TEXT: usize = 256;

/// The code that says that a part failed.
const PARTIAL: i64 = 20_001;

/// Reads the envelope around an answer: code, message and ids.
///
/// The order of the fields does not matter, nor does the case of their names.
/// Where a field comes twice, the first counts. A success is enough: nothing
/// after it is looked at. For anything else the message and the ids are worth
/// reading on.
#[derive(Clone, Debug)]
pub struct EnvelopeScan {
    layout: &'static Layout,
    /// The body begins with the code of a success, as nearly all do.
    begins_with_success: bool,
    // Boxed, because this moves with every response, and is seldom needed.
    reader: Option<Box<Reader>>,
}

#[derive(Clone, Debug)]
struct Reader {
    fields: JsonFields,
    envelope: Envelope,
    /// How a body begins that is no object, as far as is known yet.
    text: Vec<u8>,
    /// Looks for what failed, where that may be told.
    look: Option<Look>,
    /// A piece was seen.
    begun: bool,
    /// The envelope tells no more.
    done: bool,
}

/// What was found in a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    pub(super) code: Option<Code>,
    pub(super) message: Option<SmolStr>,
    pub(super) request_id: Option<SmolStr>,
    pub(super) log_id: Option<SmolStr>,
    /// How the body begins, if it is plain text.
    pub(super) text: Option<SmolStr>,
    pub(super) shape: Shape,
    /// What failed though the code says success.
    pub(super) failed: Option<PartialFailure>,
}

/// A code that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Read(ApiCode),
    /// It is neither a number nor a word, or is far too long.
    Unreadable,
}

/// What the body is, as far as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// Too little was seen of it: it is too long.
    #[default]
    CutOff,
    /// Too little was seen of it: the rest is late.
    Late,
    /// It failed half-way.
    BrokenOff,
    /// A whole JSON object.
    Object,
    /// Something else, broken JSON, or nothing.
    NoObject,
}

/// Where an API writes its fields.
#[derive(Debug)]
struct Layout {
    paths: &'static [&'static str],
    fields: &'static [Field],
    id: Field,
    /// Whether every answer has a code at the top, most of them at the
    /// beginning.
    code_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Code,
    Message,
    RequestId,
    LogId,
}

static FLAT: Layout = Layout {
    paths: &["code", "message", "request_id", "requestid"],
    fields: &[
        Field::Code,
        Field::Message,
        Field::RequestId,
        Field::RequestId,
    ],
    id: Field::RequestId,
    code_first: true,
};

static OPEN_V2: Layout = Layout {
    paths: &[
        "error.code",
        "error.message",
        "error.log_id",
        "error",
        "error_description",
        "log_id",
    ],
    fields: &[
        Field::Code,
        Field::Message,
        Field::LogId,
        Field::Code,
        Field::Message,
        Field::LogId,
    ],
    id: Field::LogId,
    code_first: false,
};

impl EnvelopeScan {
    /// Looks for the envelope of `api`.
    #[must_use]
    #[inline]
    pub fn new(api: Api) -> Self {
        let layout = match api {
            Api::OpenV2 => &OPEN_V2,
            Api::Marketing | Api::Events | Api::Shop => &FLAT,
        };
        Self {
            layout,
            begins_with_success: false,
            reader: None,
        }
    }

    /// Looks for what failed as well.
    pub(super) fn with_look(mut self, look: Look) -> Self {
        self.reader().look = Some(look);
        self
    }

    /// Whether the code of a success came first.
    #[inline]
    pub(super) fn begins_with_success(&self) -> bool {
        self.begins_with_success
    }

    /// Any other piece than the one piece of most answers.
    fn read(&mut self, piece: &[u8]) -> ControlFlow<()> {
        if self.reader.is_none() && self.layout.begins_with_success(piece) {
            self.begins_with_success = true;
            return ControlFlow::Break(());
        }
        let layout = self.layout;
        self.reader().push(piece, layout)
    }

    /// What was found; `None` is a success, and of all that was asked for.
    pub(super) fn into_envelope(self) -> Option<Envelope> {
        if self.begins_with_success {
            return None;
        }
        let envelope = self.reader.map(|reader| reader.into_envelope());
        let envelope = envelope.unwrap_or_default();
        (!envelope.is_success() || envelope.failed.is_some()).then_some(envelope)
    }

    /// There is no more to see of a body whose shape is open yet.
    fn stop(&mut self, shape: Shape) {
        let envelope = &mut self.reader().envelope;
        if envelope.shape == Shape::CutOff {
            envelope.shape = shape;
        }
    }

    fn reader(&mut self) -> &mut Reader {
        let layout = self.layout;
        self.reader.get_or_insert_with(|| {
            Box::new(Reader {
                fields: JsonFields::new(layout.paths),
                envelope: Envelope::default(),
                text: Vec::new(),
                look: None,
                begun: false,
                done: false,
            })
        })
    }
}

impl Scan for EnvelopeScan {
    #[inline]
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        // As most write it.
        if let [
            b'{',
            b'"',
            b'c',
            b'o',
            b'd',
            b'e',
            b'"',
            b':',
            b'0',
            b',',
            ..,
        ] = piece
            && self.layout.code_first
            && self.reader.is_none()
        {
            self.begins_with_success = true;
            return ControlFlow::Break(());
        }
        self.read(piece)
    }

    #[inline]
    fn is_success(&self) -> bool {
        self.begins_with_success
    }

    fn partial_failure(&self) -> Option<PartialFailure> {
        self.reader.as_ref()?.partial_failure()
    }

    fn end(&mut self) {
        // Whatever is not complete now never will be.
        self.stop(Shape::NoObject);
    }

    fn fail(&mut self) {
        self.stop(Shape::BrokenOff);
    }

    fn late(&mut self) {
        self.stop(Shape::Late);
    }
}

impl Layout {
    /// Whether a body begins with `{"code":0`, give or take white space.
    fn begins_with_success(&self, body: &[u8]) -> bool {
        if !self.code_first {
            return false;
        }
        let rest = [&b"{"[..], br#""code""#, b":", b"0"]
            .iter()
            .try_fold(body, |rest, part| {
                rest.trim_ascii_start().strip_prefix(*part)
            });
        // A number ends where the next byte says so.
        rest.and_then(<[u8]>::first)
            .is_some_and(|next| matches!(next, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
    }
}

impl Reader {
    fn push(&mut self, piece: &[u8], layout: &Layout) -> ControlFlow<()> {
        if !self.done {
            self.done = self.push_envelope(piece, layout).is_break();
        }
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first && self.look.is_none() && self.envelope.is_partial() {
            self.look = Some(Look::anywhere());
        }
        // Any other code tells all by itself.
        if let Some(look) = &mut self.look
            && self.envelope.may_have_failed_in_part()
            && look.push(piece).is_continue()
        {
            return ControlFlow::Continue(());
        }
        if self.done {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn push_envelope(&mut self, piece: &[u8], layout: &Layout) -> ControlFlow<()> {
        let Self {
            fields, envelope, ..
        } = self;
        let mut enough = false;
        let flow = fields.push(piece, |path, raw| {
            envelope.take(layout, layout.fields[path], raw);
            enough = envelope.is_success() || envelope.is_full(layout.id);
            if enough {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if flow.is_break() && !enough {
            envelope.shape = if fields.is_complete() {
                Shape::Object
            } else {
                Shape::NoObject
            };
        }
        match fields.is_object() {
            Some(true) => flow,
            Some(false) => self.push_text(piece),
            // What may be a byte order mark may be text too.
            None => {
                let _ = self.push_text(piece);
                flow
            }
        }
    }

    /// Sees a piece of what is no object, until as much is there as is kept,
    /// or it is no text.
    fn push_text(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let piece = match self.text.is_empty() {
            true => piece.trim_ascii_start(),
            false => piece,
        };
        let room = MAX_TEXT - self.text.len();
        self.text.extend_from_slice(&piece[..piece.len().min(room)]);
        let is_open = self.text.is_empty() || value::is_text(&self.text);
        if is_open && self.text.len() < MAX_TEXT {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// What failed: always something, if the code says so.
    fn partial_failure(&self) -> Option<PartialFailure> {
        let found = self.look.as_ref().and_then(Look::found);
        match found {
            None if self.envelope.is_partial() => Some(PartialFailure::new().with_unlisted(true)),
            found => found.filter(|_| self.envelope.may_have_failed_in_part()),
        }
    }

    fn into_envelope(self) -> Envelope {
        Envelope {
            failed: self.partial_failure(),
            text: value::plain_text(&self.text, MAX_TEXT),
            ..self.envelope
        }
    }
}

impl Envelope {
    pub(super) fn is_success(&self) -> bool {
        match &self.code {
            Some(Code::Read(ApiCode::Number(code))) => *code == 0,
            Some(Code::Read(ApiCode::Text(code))) => **code == *"ok",
            Some(Code::Unreadable) | None => false,
        }
    }

    /// Whether the code says that a part failed.
    fn is_partial(&self) -> bool {
        self.code == Some(Code::Read(ApiCode::Number(PARTIAL)))
    }

    /// Whether the rest of the answer may say that a part failed.
    fn may_have_failed_in_part(&self) -> bool {
        self.code.is_none() || self.is_success() || self.is_partial()
    }

    /// Whether there is nothing more to look for.
    fn is_full(&self, id: Field) -> bool {
        let id = match id {
            Field::LogId => &self.log_id,
            _ => &self.request_id,
        };
        self.code.is_some() && self.message.is_some() && id.is_some()
    }

    fn take(&mut self, layout: &Layout, field: Field, raw: &[u8]) {
        match field {
            // The object around the code of the v2 API is no code.
            Field::Code if !layout.code_first && raw.first() == Some(&b'{') => {}
            Field::Code if self.code.is_none() => {
                self.code = Some(value::code(raw).map_or(Code::Unreadable, Code::Read));
            }
            Field::Message if self.message.is_none() => self.message = value::text(raw),
            Field::RequestId if self.request_id.is_none() => self.request_id = value::text(raw),
            Field::LogId if self.log_id.is_none() => self.log_id = value::text(raw),
            _ => {}
        }
    }
}
