/// Which API of TikTok answers: it decides where the code stands and what it
/// means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// The Marketing API: `{"code": 40100, "message": ..}`, mostly with HTTP
    /// 200.
    #[default]
    Marketing,
    /// The Events API: the envelope and the codes of the Marketing API, with
    /// HTTP 400 and 401. The code outranks the status, so
    /// [`Marketing`](Self::Marketing) reads it just as well.
    Events,
    /// The v2 API: `{"data": .., "error": {"code": "ok", ..}}`, and the
    /// `{"error": "invalid_grant", ..}` of its OAuth endpoints.
    OpenV2,
    /// TikTok Shop: the envelope of the Marketing API with other codes.
    Shop,
}

impl Api {
    /// Whether the codes are those of the Marketing API.
    pub(in crate::tiktok) fn is_marketing(self) -> bool {
        matches!(self, Self::Marketing | Self::Events)
    }
}
