use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

/// What an endpoint says, before it is put on the wire.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) code: i64,
    pub(super) message: Cow<'static, str>,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    Empty,
    Json(Value),
    /// A file, sent as it is, without an envelope.
    File(Bytes),
}

impl Reply {
    pub(super) fn ok(data: Value) -> Self {
        Self {
            code: 0,
            message: Cow::Borrowed("OK"),
            data: Data::Json(data),
        }
    }

    pub(super) fn partial(data: Value) -> Self {
        Self {
            code: 20_001,
            message: Cow::Borrowed("Partially successful."),
            data: Data::Json(data),
        }
    }

    pub(super) fn empty() -> Self {
        Self::error(0, "OK")
    }

    pub(super) fn file(bytes: Bytes) -> Self {
        Self {
            data: Data::File(bytes),
            ..Self::empty()
        }
    }

    pub(super) fn error(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            data: Data::Empty,
        }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::error(40_002, format!("Missing required field(s): {field}."))
    }

    pub(super) fn invalid(field: &str, why: &str) -> Self {
        Self::error(40_002, format!("Invalid Param(s): '{field}'. {why}"))
    }

    /// Whether it was carried out, at least in part.
    pub(super) fn is_ok(&self) -> bool {
        matches!(self.code, 0 | 20_001)
    }
}
