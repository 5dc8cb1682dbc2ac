//! All that the data sheet knows: its codes and its recorded bodies.

use super::*;

pub(super) struct Line {
    api: String,
    pub(super) code: String,
    class: ErrorClass,
    write_retry: String,
}

/// The fields of a line, as RFC 4180 quotes them.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let field = fields.last_mut().expect("there is one");
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            char => field.push(char),
        }
    }
    fields
}

fn class_of(name: &str) -> ErrorClass {
    match name {
        "ok" => Success,
        "partial" => PartialSuccess,
        "rate_limited" => RateLimited,
        "transient_server" => Transient,
        "conflict" => Conflict,
        "not_ready" => NotReady,
        "auth_expired" => TokenExpired,
        "auth_invalid" => TokenInvalid,
        "permission" => PermissionDenied,
        "invalid_params" => InvalidRequest,
        "permanent" => Permanent,
        "unknown" => Unknown,
        other => panic!("no such class: {other}"),
    }
}

/// The 172 codes, with the classes that we give four of them.
pub(super) fn marketing_codes() -> Vec<Line> {
    let lines = include_str!("../data/codes.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let fields = fields(line);
            let class = match fields[0].as_str() {
                "60001" => Maintenance,
                "40502" => QuotaExhausted,
                // The error guides: authorise the app again.
                "40113" => PermissionDenied,
                _ => class_of(&fields[3]),
            };
            Line {
                api: "marketing".into(),
                code: fields[0].clone(),
                class,
                write_retry: fields[4].clone(),
            }
        });
    lines.collect()
}

fn sibling_codes() -> Vec<Line> {
    let lines = include_str!("../data/codes_other_apis.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let fields = fields(line);
            Line {
                api: fields[0].clone(),
                code: fields[1].clone(),
                class: class_of(&fields[4]),
                write_retry: fields[5].clone(),
            }
        });
    lines.collect()
}

/// Only these two classes were turned away before anything was done.
pub(super) fn refused(line: &Line) -> bool {
    line.write_retry == "yes" && matches!(line.class, RateLimited | NotReady)
}

#[tokio::test]
async fn every_code_of_the_sheet_means_what_the_sheet_says() {
    let codes = marketing_codes();
    assert_eq!(codes.len(), 172);
    for api in [Api::Marketing, Api::Events] {
        for line in &codes {
            let code = &line.code;
            let body = format!(r#"{{"code":{code},"message":"m","request_id":"r","data":{{}}}}"#);
            let found = ask(api, answer(200, &[], Frames::whole(body))).await;
            assert_eq!(found.class(), line.class, "{code}");
            assert_eq!(found.is_refused(), refused(line), "{code}");
            assert_eq!(
                found.throttle().is_some(),
                line.class == RateLimited,
                "{code}"
            );
            if line.class != Success {
                assert_eq!(found.code().unwrap().to_string(), *code);
                assert_eq!(found.message(), Some("m"));
                assert_eq!(found.request_id(), Some("r"));
                assert_ne!(found.remedy(), "", "{code}");
            }
        }
    }
}

#[test]
fn the_table_keeps_what_nobody_knows_apart_from_what_is_unsafe() {
    let table = CodeTable::new(Api::Marketing);
    for line in marketing_codes() {
        let code: i64 = line.code.parse().unwrap();
        let expected = match line.write_retry.as_str() {
            "yes" => WriteRetry::Safe,
            "no" => WriteRetry::Unsafe,
            _ => WriteRetry::Unknown,
        };
        assert_eq!(
            table.rule(&code.into()).unwrap().write_retry(),
            expected,
            "{code}"
        );
    }
}

#[tokio::test]
async fn every_code_of_the_sibling_apis_means_what_the_sheet_says() {
    let codes = sibling_codes();
    assert_eq!(codes.len(), 38);
    for line in &codes {
        let code = &line.code;
        let (api, status, body) = match line.api.as_str() {
            "tiktok-v2" => {
                let status = match line.class {
                    Success => 200,
                    RateLimited => 429,
                    Transient => 500,
                    TokenInvalid => 401,
                    _ => 400,
                };
                let error = format!(r#"{{"code":"{code}","message":"m","log_id":"l"}}"#);
                (
                    Api::OpenV2,
                    status,
                    format!(r#"{{"data":{{"code":7}},"error":{error}}}"#),
                )
            }
            "tiktok-v2-oauth" => {
                let body = format!(r#"{{"error":"{code}","error_description":"m","log_id":"l"}}"#);
                (Api::OpenV2, 200, body)
            }
            _ => {
                let body =
                    format!(r#"{{"code":{code},"data":{{}},"message":"m","request_id":"r"}}"#);
                (Api::Shop, 200, body)
            }
        };
        let found = ask(api, answer(status, &[], Frames::whole(body))).await;
        assert_eq!(found.class(), line.class, "{code}");
        assert_eq!(found.is_refused(), refused(line), "{code}");
        if line.class != Success {
            assert_eq!(found.code().unwrap().to_string(), *code);
            assert_eq!(found.message(), Some("m"), "{code}");
            let id = if api == Api::Shop {
                found.request_id()
            } else {
                found.log_id()
            };
            assert!(id.is_some(), "{code}");
        }
    }
}

#[tokio::test]
async fn every_recorded_body_is_understood() {
    let mut bodies = 0;
    for line in include_str!("../data/payloads.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let status = line["http_status"].as_u64().unwrap_or(200);
        let status = u16::try_from(status).unwrap();
        let (text, code, v2) = match &line["body"] {
            // A message alone, or the text of a whole body.
            serde_json::Value::String(text) => (
                text.clone(),
                text.contains(r#""code": 0"#).then_some(0),
                false,
            ),
            body => {
                let code = body["code"].as_i64();
                (body.to_string(), code, body.get("error").is_some())
            }
        };
        let api = if v2 { Api::OpenV2 } else { Api::Marketing };
        let found = ask(api, answer(status, &[], Frames::whole(text.clone()))).await;
        let expected = match code {
            Some(0) => Success,
            Some(40_100) => RateLimited,
            Some(40_104 | 40_105) => TokenInvalid,
            Some(40_001) => PermissionDenied,
            Some(40_002 | 40_067) => InvalidRequest,
            Some(50_000 | 51_010) => Transient,
            Some(40_201) => NotReady,
            Some(other) => panic!("no expectation for {other}"),
            None if v2 => InvalidRequest,
            None if text.contains("QPS limit") => RateLimited,
            None => Transient,
        };
        assert_eq!(found.class(), expected, "{text}");
        if let Some(message) = line["body"]["message"]
            .as_str()
            .filter(|_| expected != Success)
        {
            assert_eq!(found.message(), Some(message));
        }
        bodies += 1;
    }
    assert_eq!(bodies, 28);
}
