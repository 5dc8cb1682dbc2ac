use http::Method;
use tower_tiktok::{
    extensions::{Operation, Priority},
    tiktok::{
        Endpoint,
        endpoints::{AccountPlace, ClientRequestId},
    },
};

use crate::{
    rows::{LOW, rows},
    support::{account, context_of, post, remembered},
};

#[test]
fn the_table_is_the_data_sheet_row_by_row() {
    let rows = rows();
    assert_eq!(rows.len(), 452);
    assert_eq!(Endpoint::all().len(), 452);
    for (row, endpoint) in rows.iter().zip(Endpoint::all()) {
        let path = row.path;
        assert_eq!((endpoint.method(), endpoint.path()), (&row.method, path));
        assert_eq!(endpoint.operation().is_read(), row.reads, "{path}");
        assert_eq!(
            endpoint.operation() == &Operation::Write,
            !row.reads,
            "{path}"
        );
        assert_eq!(endpoint.account_fields(), row.fields, "{path}");
        let place = match row.location {
            "query" => AccountPlace::Query,
            "json-body" => AccountPlace::Json,
            "multipart-form" => AccountPlace::Form,
            _ => AccountPlace::FormOrJson,
        };
        assert_eq!(endpoint.account_place(), place, "{path}");
        let request_id = match row.request_id {
            "optional" => Some(ClientRequestId::Optional),
            "required" => Some(ClientRequestId::Required),
            "field present" => Some(ClientRequestId::Present),
            _ => None,
        };
        assert_eq!(endpoint.client_request_id(), request_id, "{path}");
        let low = LOW.contains(&path);
        assert_eq!(endpoint.priority() == Priority::Low, low, "{path}");
        assert_eq!(endpoint.priority() == Priority::Normal, !low, "{path}");

        let full = format!("/open_api/v1.3{path}");
        assert_eq!(Endpoint::find(&row.method, &full), Some(endpoint));
        assert_eq!(
            Endpoint::find(&row.method, full.trim_end_matches('/')),
            Some(endpoint)
        );
        assert_eq!(Endpoint::find(&Method::DELETE, &full), None);
    }
}

#[tokio::test]
async fn every_endpoint_gives_its_account_operation_and_priority() {
    for row in rows() {
        // Each field alone, all of them in both orders, and none.
        let ids: Vec<_> = row
            .fields
            .iter()
            .map(|field| format!("id-of-{field}"))
            .collect();
        let all: Vec<_> = row
            .fields
            .iter()
            .copied()
            .zip(ids.iter().map(String::as_str))
            .collect();
        let mut cases: Vec<_> = all.iter().map(|&one| vec![one]).collect();
        cases.extend([all.clone(), all.iter().copied().rev().collect(), vec![]]);
        for case in cases {
            let best = all
                .iter()
                .find(|field| case.contains(field))
                .map(|field| field.1);
            for request in row.requests(&case) {
                let context = context_of(request).await;
                assert_eq!(account(&context), best, "{} {case:?}", row.path);
                assert_eq!(context.endpoint(), Some(row.path));
                let operation = if row.reads {
                    Operation::Read
                } else {
                    Operation::Write
                };
                assert_eq!(context.operation(), &operation, "{}", row.path);
                let low = LOW.contains(&row.path);
                let priority = if low { Priority::Low } else { Priority::Normal };
                assert_eq!(context.priority(), priority, "{}", row.path);
            }
        }
    }
}

#[tokio::test]
async fn a_request_id_makes_a_write_idempotent_where_it_is_known() {
    let mut known = 0;
    for row in rows() {
        if row.location != "json-body" || row.reads {
            continue;
        }
        for fields in [
            ["advertiser_id", "request_id", "transfer_level"],
            ["request_id", "transfer_level", "advertiser_id"],
        ] {
            let value = |field: &str| match field {
                "request_id" => "1234567890",
                "transfer_level" => "BC",
                _ => "7001",
            };
            let fields = fields.map(|field| (field, value(field)));
            for request in row.requests(&fields) {
                let context = context_of(request).await;
                let operation = match row.request_id {
                    "" => Operation::Write,
                    _ => remembered("1234567890"),
                };
                assert_eq!(context.operation(), &operation, "{}", row.path);
            }
        }
        known += usize::from(!row.request_id.is_empty());
    }
    assert_eq!(known, 8);
}

#[tokio::test]
async fn a_request_id_is_a_string_or_a_number_and_nothing_else() {
    for (value, key) in [
        ("\"1\"", Some("1")),
        ("9223372036854775807", Some("9223372036854775807")),
        ("\"\"", None),
        ("null", None),
        ("[1]", None),
        ("{\"request_id\": 1}", None),
    ] {
        let body = format!(
            r#"{{"data": {{"request_id": "7"}}, "request_id": {value}, "advertiser_id": 1}}"#
        );
        let context = context_of(post("/campaign/create/", &body)).await;
        let operation = key.map_or(Operation::Write, remembered);
        assert_eq!(context.operation(), &operation, "{value}");
        assert_eq!(account(&context), Some("1"));
    }
}

#[tokio::test]
async fn a_transfer_is_remembered_between_business_centers_only() {
    for (level, operation) in [
        (r#", "transfer_level": "BC""#, remembered("7")),
        (r#", "transfer_level": "ADVERTISER""#, Operation::Write),
        ("", Operation::Write),
    ] {
        let body = format!(r#"{{"bc_id": "1", "request_id": "7"{level}}}"#);
        let context = context_of(post("/bc/transfer/", &body)).await;
        assert_eq!(context.operation(), &operation, "{level}");
        assert_eq!(account(&context), Some("1"));
    }
}
