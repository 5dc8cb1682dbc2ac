//! What the end of an HTTP/2 stream proves. The server speaks by hand: no
//! library lets one name a last stream below those that it has read.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower_tiktok::jittered_backoff::Delivery;

use crate::transport::{BOTH, H2, Script, delivery, linger, serve};

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

async fn write_frame(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let mut frame = Vec::new();
    frame.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await.unwrap();
}

/// Shakes hands, and reads until the head of the first request is there.
async fn read_h2(stream: &mut TcpStream) -> u32 {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    write_frame(stream, SETTINGS, 0, 0, &[]).await;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            SETTINGS if head[4] == 0 => write_frame(stream, SETTINGS, 1, 0, &[]).await,
            HEADERS => return id,
            _ => {}
        }
    }
}

async fn go_away(stream: &mut TcpStream, last: u32, reason: u32) {
    let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
    write_frame(stream, GOAWAY, 0, 0, &payload).await;
}

#[tokio::test]
async fn a_stream_above_the_last_one_named_was_not_processed() {
    for script in [
        // No error, and too many requests.
        (|mut stream| {
            Box::pin(async move {
                read_h2(&mut stream).await;
                go_away(&mut stream, 0, 0).await;
                linger(stream).await;
            })
        }) as Script,
        |mut stream| {
            Box::pin(async move {
                read_h2(&mut stream).await;
                go_away(&mut stream, 0, 11).await;
                linger(stream).await;
            })
        },
    ] {
        let address = serve(script).await;
        for via in BOTH {
            assert_eq!(delivery(via, H2, address).await, Delivery::NotSent);
        }
    }
}

#[tokio::test]
async fn a_stream_that_the_server_may_have_processed_proves_nothing() {
    for script in [
        // Named as the last, by a server that shuts down, and by one in error.
        (|mut stream| {
            Box::pin(async move {
                let id = read_h2(&mut stream).await;
                go_away(&mut stream, id, 0).await;
            })
        }) as Script,
        |mut stream| {
            Box::pin(async move {
                let id = read_h2(&mut stream).await;
                go_away(&mut stream, id, 2).await;
            })
        },
        // Below the last: "I shall take no more".
        |mut stream| {
            Box::pin(async move {
                read_h2(&mut stream).await;
                go_away(&mut stream, 0x7fff_ffff, 0).await;
            })
        },
        // Closed without a word.
        |mut stream| {
            Box::pin(async move {
                read_h2(&mut stream).await;
            })
        },
    ] {
        let address = serve(script).await;
        for via in BOTH {
            assert_eq!(delivery(via, H2, address).await, Delivery::Unknown);
        }
    }
}

#[tokio::test]
async fn a_refused_stream_was_not_processed() {
    let address = serve(|mut stream| {
        Box::pin(async move {
            let id = read_h2(&mut stream).await;
            write_frame(&mut stream, RST_STREAM, 0, id, &7u32.to_be_bytes()).await;
            linger(stream).await;
        })
    })
    .await;
    for via in BOTH {
        assert_eq!(delivery(via, H2, address).await, Delivery::NotSent);
    }
}

#[tokio::test]
async fn a_stream_reset_for_another_reason_proves_nothing() {
    let address = serve(|mut stream| {
        Box::pin(async move {
            let id = read_h2(&mut stream).await;
            // INTERNAL_ERROR
            write_frame(&mut stream, RST_STREAM, 0, id, &2u32.to_be_bytes()).await;
            linger(stream).await;
        })
    })
    .await;
    for via in BOTH {
        assert_eq!(delivery(via, H2, address).await, Delivery::Unknown);
    }
}
