use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

/// The head of a request, to build it again.
///
/// Most requests are sent once, so what counts is how little it takes to keep
/// one: the headers are a list, without the index of a map.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
    version: Version,
}

impl Head {
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let mut headers = Vec::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            headers.push((name.clone(), value.clone()));
        }
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers,
            extensions: request.extensions().clone(),
            version: request.version(),
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The request once more, with this body.
    pub(super) fn request<B>(&self, body: B) -> Request<B> {
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
        *request.extensions_mut() = self.extensions.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

        let (again, body) = Head::of(&request).request(2).into_parts();
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
    fn more_values_than_a_map_has_room_for_names_are_no_harm() {
        let mut request = Request::new(());
        for _ in 0..40_000 {
            let value = HeaderValue::from_static("1");
            request.headers_mut().append("accept", value);
        }
        let again = Head::of(&request).request(());
        assert_eq!(again.headers().len(), 40_000);
    }
}
