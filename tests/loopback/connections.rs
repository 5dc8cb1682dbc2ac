//! Servers that are not there, or go away.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpSocket};
use tower_tiktok::simulator::{Fault, Script, Server, Simulator};

use crate::support::{ALL, SUCCESS, Stack, Told, Via, create, read, serve, simulator, until};

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_until_the_server_is_there() {
    for via in ALL {
        let simulator = simulator(Simulator::builder());
        // Bound, so that nobody else takes the port, and not listening yet.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let stack = Stack::new(via);
        let started = async {
            until(|| stack.ended() >= 3).await;
            simulator.serve(socket.listen(16).unwrap()).unwrap()
        };
        let (told, _server) = tokio::join!(stack.send(create(address, "a")), started);
        assert_eq!(told, SUCCESS, "{via:?}");
        let total = simulator.ledger().total;
        assert_eq!((total.received, total.created), (1, 1), "{via:?}");
        assert!(stack.ended() >= 4);
    }
}

async fn replaced(via: Via) {
    const WORKERS: usize = 4;
    const WRITES: usize = 40;
    let simulator = simulator(
        Simulator::builder()
            .level(tower_tiktok::simulator::Level::custom(
                1_000_000, 1_000_000, 1_000_000,
            ))
            .advertiser_qps(None),
    );
    let server = serve(&simulator).await;
    let address = server.address();
    let stack = Stack::new(via);
    let workers = (0..WORKERS).map(|worker| {
        let stack = &stack;
        async move {
            let mut answers = Vec::new();
            for write in 0..WRITES {
                let request = create(address, &format!("{worker}/{write}"));
                answers.push(stack.send(request).await);
            }
            answers
        }
    });
    let replaced = async {
        until(|| simulator.ledger().total.created >= 40).await;
        // Open requests finish; HTTP/2 hears GOAWAY.
        server.shutdown().await;
        serve_again(&simulator, address).await
    };
    let (answers, _server) = tokio::join!(join_all(workers), replaced);
    let answers = answers.concat();
    let succeeded = answers.iter().filter(|told| **told == SUCCESS).count();
    let unknown = answers
        .iter()
        .filter(|told| **told == Told::Unknown)
        .count();
    assert_eq!(
        succeeded + unknown,
        WORKERS * WRITES,
        "{via:?}: {answers:?}"
    );
    // A connection may be closed just as a request is written to it.
    assert!(unknown <= WORKERS, "{via:?}: {unknown}");
    let total = simulator.ledger().total;
    assert_eq!(total.duplicated, 0, "{via:?}");
    let created = usize::try_from(total.created).unwrap();
    assert!((succeeded..=succeeded + unknown).contains(&created));
}

/// Its old socket, or another one that was given its port, may be there yet.
async fn serve_again(simulator: &Simulator, address: SocketAddr) -> Server {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return simulator.serve(listener).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_is_replaced_while_all_write_duplicates_and_loses_nothing() {
    join_all(ALL.map(replaced)).await;
}

#[tokio::test]
async fn a_server_that_dies_leaves_a_write_unknown_and_costs_a_read_nothing() {
    for via in ALL {
        let stall = Fault::Stall(Duration::from_secs(600));
        let simulator = simulator(Simulator::builder().script(Script::new(stall).times(2)));
        let server = serve(&simulator).await;
        let address = server.address();
        let stack = Stack::new(via);
        let dies = async {
            until(|| simulator.ledger().total.received == 2).await;
            drop(server);
            // Its socket is closed a moment later.
            serve_again(&simulator, address).await
        };
        let (write, read, _server) = tokio::join!(
            stack.send(create(address, "a")),
            stack.send(read(address)),
            dies
        );
        assert_eq!((write, read), (Told::Unknown, SUCCESS), "{via:?}");
        let total = simulator.ledger().total;
        assert_eq!((total.created, total.duplicated), (1, 0), "{via:?}");
    }
}
