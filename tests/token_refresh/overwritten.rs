//! What held a token is overwritten when it is given back.

use std::{
    convert::Infallible,
    fs::File,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::token_refresh::{Secret, Token};

use crate::support::{HEADER, Issuer, read, simulator};

/// The memory of this process. Looking at it takes none, which might be what
/// the token has just left.
struct Memory {
    file: File,
    found: Vec<u8>,
}

impl Memory {
    fn new() -> Self {
        Self {
            file: File::open("/proc/self/mem").unwrap(),
            found: vec![0; 64],
        }
    }

    /// How many bytes of the text are at this address. None are where there is
    /// no memory any more.
    fn bytes_of(&mut self, text: &str, at: usize) -> usize {
        let found = &mut self.found[..text.len()];
        found.fill(0);
        let _ = self.file.read_at(found, at.try_into().unwrap());
        let pairs = found.iter().zip(text.as_bytes());
        pairs.filter(|(found, byte)| found == byte).count()
    }
}

#[test]
fn a_secret_is_overwritten_when_its_last_clone_is_dropped() {
    let text = "kdhwqyreovmzbxjfpanugtslci-8259-kdhwqyreovmzbxjfpanugtslci";
    let mut memory = Memory::new();
    let secret = Secret::new(text);
    let at = secret.expose().as_ptr().addr();
    let clone = secret.clone();
    drop(secret);
    assert_eq!(memory.bytes_of(text, at), text.len());
    drop(clone);
    let left = memory.bytes_of(text, at);
    assert!(left < text.len() / 4, "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_header_is_overwritten_when_the_last_request_with_it_is_dropped() {
    let text = "zmxncbvlaksjdhfgqpwoeiruty-4617-zmxncbvlaksjdhfgqpwoeiruty";
    let mut memory = Memory::new();
    let tokens = Issuer::new(&simulator(&[])).layer();
    let tokens = tokens.token(Token::new(text).unwrap()).build().unwrap();
    let sent_at = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&sent_at);
    let client = tokens.layer(service_fn(move |request: Request<Full<Bytes>>| {
        let token = request.headers()[HEADER].as_bytes();
        seen.store(token.as_ptr().addr(), Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    }));
    client.clone().oneshot(read("7")).await.unwrap();
    let at = sent_at.load(Ordering::SeqCst);
    assert_eq!(memory.bytes_of(text, at), text.len());
    drop((client, tokens));
    let left = memory.bytes_of(text, at);
    assert!(left < text.len() / 4, "{left}");
}
