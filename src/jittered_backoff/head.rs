use std::any::Any;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use tokio::time::Instant;

use crate::extensions::{Deadline, Lookup, RequestContext};

/// The head of a request, to build it again.
///
/// Most requests are sent once, so what counts is how little it takes to keep
/// one: the headers are a list, without the index of a map.
#[derive(Debug)]
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Outer,
    version: Version,
}

/// What the layers outside left with a request.
#[derive(Debug)]
enum Outer {
    /// Nothing but this, as with most requests. To keep it takes no map.
    Context(RequestContext),
    Any(Extensions),
}

impl Head {
    // Always: a head is large to move.
    #[inline(always)]
    pub(crate) fn of<B>(request: &Request<B>, found: Lookup<'_>) -> Self {
        let mut headers = Vec::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            headers.push((name.clone(), value.clone()));
        }
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers,
            extensions: match (found.context, found.more) {
                (Some(context), None) => Outer::Context(context.clone()),
                _ => Outer::Any(request.extensions().clone()),
            },
            version: request.version(),
        }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        match &self.extensions {
            Outer::Context(context) => (context as &dyn Any).downcast_ref(),
            Outer::Any(extensions) => extensions.get(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.extensions {
            Outer::Context(_) => None,
            Outer::Any(extensions) => Deadline::to_send(extensions),
        }
    }

    /// The request once more, with this body.
    pub(crate) fn request<B>(&self, body: B) -> Request<B> {
        // No capacity is asked for: a map has a bound for names, and would
        // panic where many values share one.
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = headers;
        match &self.extensions {
            Outer::Context(context) => {
                request.extensions_mut().insert(context.clone());
            }
            Outer::Any(extensions) => *request.extensions_mut() = extensions.clone(),
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::Operation;

    fn head_of<B>(request: &Request<B>) -> Head {
        Head::of(request, Lookup::of(request.extensions()))
    }

    #[test]
    fn a_request_is_built_again_as_it_was() {
        let mut request = Request::put("https://a.example/b?c=d").body(1).unwrap();
        *request.version_mut() = Version::HTTP_2;
        request.extensions_mut().insert("mark");
        let headers = request.headers_mut();
        for (name, value) in [("x-b", "1"), ("accept", "2"), ("x-b", "3"), ("x-a", "4")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let accept = headers.get_mut("accept").unwrap();
        accept.set_sensitive(true);

        let (again, body) = head_of(&request).request(2).into_parts();
        let (head, _) = request.into_parts();
        assert_eq!(body, 2);
        assert_eq!(again.method, head.method);
        assert_eq!(again.uri, head.uri);
        assert_eq!(again.version, head.version);
        assert!(again.headers.iter().eq(&head.headers), "in the same order");
        assert!(again.headers["accept"].is_sensitive());
        assert_eq!(again.extensions.get(), Some(&"mark"));
    }

    #[test]
    fn a_lone_context_is_kept_as_it_is() {
        let mut request = Request::new(());
        let context = RequestContext::new(Operation::Read).with_account("7001");
        request.extensions_mut().insert(context.clone());
        let head = head_of(&request);
        assert_eq!(head.extension(), Some(&context));
        assert_eq!(head.extension::<Deadline>(), None);
        assert_eq!(head.request(()).extensions().get(), Some(&context));

        let deadline = Deadline::at(Instant::now());
        request.extensions_mut().insert(deadline);
        let head = head_of(&request);
        assert_eq!(head.extension(), Some(&context));
        assert_eq!(head.deadline(), Some(deadline.instant()));
        assert_eq!(head.request(()).extensions().len(), 2);
    }

    #[test]
    fn more_values_than_a_map_has_room_for_names_are_no_harm() {
        let mut request = Request::new(());
        for _ in 0..40_000 {
            let value = HeaderValue::from_static("1");
            request.headers_mut().append("accept", value);
        }
        let again = head_of(&request).request(());
        assert_eq!(again.headers().len(), 40_000);
    }
}
