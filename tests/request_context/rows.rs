//! The data sheet, and the requests that it speaks of.

use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use http_body_util::Full;

use crate::support::ROOT;

/// What stands back: reports, and polls and downloads of tasks.
pub(crate) const LOW: [&str; 24] = [
    "/blockedword/task/check/",
    "/blockedword/task/download/",
    "/business/publish/status/",
    "/campaign/copy/task/check/",
    "/campaign/spc/report/get/",
    "/changelog/task/check/",
    "/changelog/task/download/",
    "/comment/task/check/",
    "/comment/task/download/",
    "/creative/report/get/",
    "/gmv_max/report/get/",
    "/mmm/api/check/",
    "/mmm/api/download/",
    "/report/ad_benchmark/get/",
    "/report/integrated/get/",
    "/report/task/cancel/",
    "/report/task/check/",
    "/report/task/create/",
    "/report/task/download/",
    "/report/video_performance/get/",
    "/smart_plus/material_report/breakdown/",
    "/smart_plus/material_report/overview/",
    "/tto/tcm/report/",
    "/video/fix/task/get/",
];

/// A row of the data sheet.
pub(crate) struct Row {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) reads: bool,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) location: &'static str,
    pub(crate) request_id: &'static str,
}

pub(crate) fn rows() -> Vec<Row> {
    let rows = include_str!("../data/endpoints.csv").lines().skip(1);
    rows.map(|line| {
        let columns: Vec<_> = line.split(',').collect();
        let [
            method,
            path,
            read_or_write,
            advertiser,
            other,
            location,
            request_id,
            _,
        ] = columns[..]
        else {
            panic!("{line}");
        };
        let mut fields: Vec<_> = advertiser.split('|').chain(other.split('|')).collect();
        fields.retain(|field| !field.is_empty());
        if ["/report/integrated/get/", "/report/task/create/"].contains(&path) {
            // Of both, the server ignores the first.
            fields.swap(0, 1);
        }
        Row {
            method: method.parse().unwrap(),
            path,
            reads: read_or_write == "read",
            fields,
            location,
            request_id,
        }
    })
    .collect()
}

impl Row {
    /// The requests that carry these fields, in every way this endpoint takes.
    pub(crate) fn requests(&self, fields: &[(&str, &str)]) -> Vec<Request<Full<Bytes>>> {
        let uri = format!("{ROOT}{}", self.path);
        let request = Request::builder().method(self.method.clone());
        let json = |request: http::request::Builder| {
            let fields: serde_json::Map<_, _> = fields
                .iter()
                .map(|&(name, value)| (name.to_owned(), json_value(name, value)))
                .collect();
            let body = serde_json::Value::from(fields).to_string();
            request
                .uri(&uri)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(body))
                .unwrap()
        };
        let form = |request: http::request::Builder| {
            let fields: Vec<_> = fields
                .iter()
                .map(|&(name, value)| (name, text_value(name, value)))
                .collect();
            request
                .uri(&uri)
                .header(CONTENT_TYPE, "multipart/form-data; boundary=XX")
                .body(Full::from(form("XX", &fields)))
                .unwrap()
        };
        match self.location {
            "query" => {
                let pairs: Vec<_> = fields
                    .iter()
                    .map(|&(name, value)| {
                        let value = text_value(name, value)
                            .replace('"', "%22")
                            .replace('[', "%5B");
                        format!("{name}={value}")
                    })
                    .collect();
                let uri = format!("{uri}?page=1&{}", pairs.join("&"));
                vec![request.uri(uri).body(Full::default()).unwrap()]
            }
            "json-body" => vec![json(request)],
            "multipart-form" => vec![form(request)],
            "multipart-form OR json-body" => {
                let other = Request::builder().method(self.method.clone());
                vec![json(request), form(other)]
            }
            other => panic!("{other}"),
        }
    }
}

pub(crate) fn json_value(name: &str, value: &str) -> serde_json::Value {
    match name.ends_with("_ids") {
        true => vec![value].into(),
        false => value.into(),
    }
}

pub(crate) fn text_value(name: &str, value: &str) -> String {
    match name.ends_with("_ids") {
        true => format!("[\"{value}\"]"),
        false => value.to_owned(),
    }
}

pub(crate) fn form(boundary: &str, fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        text += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    text += &format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\0\r\n--{boundary}--\r\n"
    );
    text
}
