use serde_json::{Map, Value};

/// The boundary, if the content type is a multipart form.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.strip_prefix("multipart/form-data")?;
    let mut parameters = parameters.split(';').map(str::trim);
    let boundary = parameters.find_map(|parameter| parameter.strip_prefix("boundary="))?;
    Some(boundary.trim_matches('"'))
}

/// The fields of a form; a file's value is its name. `None` if it is broken.
pub(super) fn fields(body: &[u8], boundary: &str) -> Option<Map<String, Value>> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line break before it.
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut fields = Map::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        let (part, after) = (&part[..end], &part[end + delimiter.len()..]);
        let head_end = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..head_end]).ok()?;
        let name = parameter(head, "name")?;
        let value = match parameter(head, "filename") {
            Some(file) => file.to_owned(),
            None => String::from_utf8(part[head_end + 4..].to_vec()).ok()?,
        };
        fields.insert(name.to_owned(), Value::String(value));
        rest = after;
    }
    Some(fields)
}

fn parameter<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let start = head.find(&format!("; {name}=\""))? + name.len() + 4;
    head[start..].split('"').next()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
