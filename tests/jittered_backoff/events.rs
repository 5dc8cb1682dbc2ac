//! What it logs, and what it must not.

use std::sync::{Arc, Mutex};

use tower_tiktok::{
    classify::{Classification, ErrorClass},
    extensions::Operation,
};

use crate::support::{Server, Step, layer, ok, request, send};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets this thread's subscriber hear all events. While it is the only one in
/// the process, tracing asks the thread that comes first to an event whether
/// anybody listens, and keeps the answer for all; that may be another test.
fn listen() {
    static GLOBAL: std::sync::Once = std::sync::Once::new();
    GLOBAL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry())
            .expect("nobody else sets one");
    });
}

#[tokio::test(start_paused = true)]
async fn each_resend_is_logged_without_a_secret_and_a_success_is_not() {
    listen();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let text = || String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap();

    send(layer(), &Server::new([ok()]), request(Operation::Write))
        .await
        .unwrap();
    assert_eq!(text(), "");

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
    let text = text();
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
