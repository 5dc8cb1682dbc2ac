use std::sync::Once;

/// Lets this thread's subscriber hear all events. While it is the only one in
/// the process, tracing asks the thread that comes first to an event whether
/// anybody listens, and keeps the answer for all; that may be another test.
pub(crate) fn listen() {
    static GLOBAL: Once = Once::new();
    GLOBAL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry())
            .expect("nobody else sets one");
    });
}
