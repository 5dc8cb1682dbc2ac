//! What it logs, and what it must not.

use tower_tiktok::{
    classify::{Classification, ErrorClass},
    extensions::Operation,
};

use tracing::Level;

use crate::{
    log::Log,
    support::{Server, Step, layer, ok, request, send},
};

#[tokio::test(start_paused = true)]
async fn each_resend_is_logged_without_a_secret_and_a_success_is_not() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);

    send(layer(), &Server::new([ok()]), request(Operation::Write))
        .await
        .unwrap();
    assert_eq!(log.take(), "");

    let doubt = Classification::new(ErrorClass::Transient)
        .with_code(50_000)
        .with_message("token=secret")
        .with_request_id("r1")
        .with_log_id("l1");
    let server = Server::new([Step::Answer(doubt)]);
    let write = request(Operation::repeatable());
    send(layer().max_attempts(2), &server, write)
        .await
        .unwrap_err();
    let text = log.take();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in &lines {
        for field in ["POST", "/thing/", "transient", "50000", "r1", "l1"] {
            assert!(line.contains(field), "{field}: {line}");
        }
        assert!(!line.contains("secret"), "{line}");
    }
    assert!(lines[0].contains("DEBUG") && lines[0].contains("resend_count=0 wait="));
    assert!(lines[1].contains("WARN") && lines[1].contains("resend_count=1"));
}
