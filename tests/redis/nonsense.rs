use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower_tiktok::shared_state::StoreErrorKind;

use crate::fleet::{Process, redis};

/// Listens where a server should, and answers each command so.
async fn answers(with: impl Fn(&[u8]) -> &'static [u8] + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            let with = with.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 65_536];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    // An array of words each; no word has a star.
                    for command in bytes[..length].split(|byte| *byte == b'*').skip(1) {
                        if stream.write_all(with(command)).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    format!("redis://127.0.0.1:{port}")
}

#[tokio::test]
async fn who_speaks_another_language_is_no_store() {
    let url = answers(|_| b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let process = Process::on(redis(&url));
    process.send_one().await;
    process.is_down(StoreErrorKind::Nonsense, None).await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_nonsense() {
    let url = answers(|command| match command {
        exchange if exchange.windows(4).any(|word| word == b"EVAL") => b"*2\r\n:1\r\n$2\r\nno\r\n",
        _ => b"+OK\r\n",
    });
    let process = Process::on(redis(&url.await));
    process.send_one().await;
    process.is_down(StoreErrorKind::Nonsense, None).await;
}
