//! What servers and gateways answer.

use futures_util::future::join_all;
use tower_tiktok::simulator::{Fault, Level, Script, Simulator};

use crate::support::{ALL, SUCCESS, Stack, Told, Via, create, read, serve, simulator, until};

#[tokio::test]
async fn a_write_and_a_read_succeed() {
    for via in ALL {
        let simulator = simulator(Simulator::builder());
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        assert_eq!(stack.send(create(server.address(), "a")).await, SUCCESS);
        assert_eq!(stack.send(read(server.address())).await, SUCCESS);
        let total = simulator.ledger().total;
        assert_eq!((total.received, total.created), (2, 1), "{via:?}");
        assert_eq!(stack.ended(), 2);
    }
}

/// Refused with 40100 at first, in an answer that may be compressed.
async fn refused(via: Via, gzip: bool) {
    let simulator = simulator(Simulator::builder().gzip(gzip));
    simulator.set_level(Level::custom(0, 100, 100));
    let server = serve(&simulator).await;
    let stack = Stack::new(via);
    let raised = async {
        until(|| simulator.ledger().total.refused.second > 0).await;
        simulator.set_level(Level::Basic);
    };
    let (told, ()) = tokio::join!(stack.send(create(server.address(), "a")), raised);
    assert_eq!(told, SUCCESS, "{via:?}");
    let total = simulator.ledger().total;
    assert_eq!((total.created, total.duplicated), (1, 0), "{via:?}");
    assert_eq!(stack.ended(), 2, "{via:?}");
}

#[tokio::test]
async fn what_was_refused_is_sent_again() {
    join_all(ALL.map(|via| refused(via, false))).await;
}

#[tokio::test]
async fn a_code_is_found_in_a_compressed_answer() {
    join_all(ALL.map(|via| refused(via, true))).await;
}

#[tokio::test]
async fn a_lost_answer_leaves_a_write_unknown_and_carried_out_once() {
    for via in ALL {
        let script = Script::new(Fault::LostAnswer);
        let simulator = simulator(Simulator::builder().script(script));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let told = stack.send(create(server.address(), "a")).await;
        assert_eq!(told, Told::Unknown, "{via:?}");
        let total = simulator.ledger().total;
        assert_eq!((total.received, total.created), (1, 1), "{via:?}");
        assert_eq!(total.lost_answers, 1);
    }
}

#[tokio::test]
async fn a_lost_answer_costs_a_read_nothing() {
    for via in ALL {
        for fault in [Fault::LostAnswer, Fault::Reset] {
            let simulator = simulator(Simulator::builder().script(Script::new(fault).times(3)));
            let server = serve(&simulator).await;
            let stack = Stack::new(via);
            let told = stack.send(read(server.address())).await;
            assert_eq!(told, SUCCESS, "{via:?}, {fault}");
            assert_eq!(simulator.ledger().total.received, 4, "{via:?}, {fault}");
        }
    }
}

#[tokio::test]
async fn a_gateway_that_fails_leaves_a_write_unknown_and_costs_a_read_nothing() {
    for via in ALL {
        for fault in [Fault::BadGateway, Fault::GatewayTimeout { applied: true }] {
            let simulator = simulator(Simulator::builder());
            let server = serve(&simulator).await;
            let stack = Stack::new(via);
            simulator.script(Script::new(fault));
            let told = stack.send(create(server.address(), "a")).await;
            assert_eq!(told, Told::Unknown, "{via:?}, {fault}");
            simulator.script(Script::new(fault));
            assert_eq!(stack.send(read(server.address())).await, SUCCESS);
            let total = simulator.ledger().total;
            assert_eq!((total.received, total.duplicated), (3, 0), "{via:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_a_second_write() {
    for via in ALL {
        let simulator = simulator(Simulator::builder().script(Script::new(Fault::CutBody)));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let told = stack.send(create(server.address(), "a")).await;
        // A reset may overtake the half that was sent before it.
        assert!(
            matches!(told, Told::BrokeOff | Told::Unknown),
            "{via:?}: {told:?}"
        );
        let total = simulator.ledger().total;
        assert_eq!((total.received, total.created), (1, 1), "{via:?}");
    }
}
