use http_body::Body;

/// A body whose beginning was looked at. It yields exactly the frames that
/// the body would have yielded.
#[derive(Debug)]
pub struct Peeked<B: Body> {
    inner: B,
}
