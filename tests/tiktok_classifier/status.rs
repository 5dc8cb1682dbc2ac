//! Answers without a code.

use super::*;

#[tokio::test]
async fn without_a_code_the_status_and_the_looks_decide() {
    let html = "<html><head><title>405</title></head></html>";
    for (status, headers, body, class) in [
        (200, &[][..], html, Transient),
        (200, &[], "", Transient),
        (200, &[], "Not Found", Transient),
        (200, &[], "[]", Transient),
        (200, &[], r#"{"data":"#, Transient),
        (200, &[], r#"{"data":}"#, Transient),
        (200, &[], "edge: too many requests", RateLimited),
        (204, &[], "", Success),
        (205, &[], "", Success),
        (304, &[], "", Success),
        (302, &[("location", "/login")], html, Unknown),
        (
            200,
            &[("content-type", "text/csv; charset=utf-8")],
            "a,b\n1,2",
            Success,
        ),
        (
            200,
            &[("content-type", "Application/Octet-Stream")],
            "PK",
            Success,
        ),
        (200, &[("content-type", "application/zip")], "", Success),
        (200, &[("content-type", "video/mp4")], "x", Success),
        (
            200,
            &[("content-disposition", "attachment; filename=a.csv")],
            "a,b",
            Success,
        ),
        (200, &[("content-encoding", "gzip")], "\u{1f}x", Success),
        (429, &[("content-encoding", "gzip")], "\u{1f}x", RateLimited),
        (404, &[], "404 page not found", Permanent),
        (404, &[], "Not Found", Permanent),
        (405, &[("content-type", "text/html")], html, Permanent),
        (400, &[], html, InvalidRequest),
        (403, &[], html, PermissionDenied),
        (408, &[], "", Transient),
        (500, &[], "", Transient),
        (501, &[], "", Transient),
        (502, &[], "<html>502 Bad Gateway nginx</html>", Transient),
        (599, &[], "", Transient),
    ] {
        let found = ask(Api::Marketing, answer(status, headers, Frames::whole(body))).await;
        assert_eq!(found.class(), class, "{status} {headers:?} {body}");
        assert_eq!(found.is_refused(), status == 429, "{status} {body}");
        assert_eq!(
            found.remedy().is_empty(),
            class == Success,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn an_error_in_the_guise_of_a_file_is_found() {
    let headers = [("content-type", "application/octet-stream")];
    let body = Frames::whole(r#"{"code":40201,"message":"Task is not ready."}"#);
    let found = ask(Api::Marketing, answer(200, &headers, body)).await;
    assert_eq!(found.class(), NotReady);
}

#[tokio::test]
async fn a_file_is_nobodys_message() {
    let headers = [("content-type", "text/plain")];
    let body = || Frames::whole("name,card\nada,4111");
    let found = ask(Api::Marketing, answer(200, &headers, body())).await;
    assert_eq!((found.class(), found.message()), (Transient, None));
    let found = ask_json(404, "Not Found").await;
    assert_eq!(found.message(), Some("Not Found"));
}
