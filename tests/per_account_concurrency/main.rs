//! What `PerAccountConcurrency` promises, seen from outside.

#![cfg(test)]

mod account;
mod cancel;
mod deadline;
mod inner;
mod limits;
mod queue;
mod release;
mod support;

use tower_tiktok::per_account_concurrency::{
    HeldBody, PerAccountConcurrency, PerAccountConcurrencyBuilder, PerAccountConcurrencyHandle,
    PerAccountConcurrencyLayer, QueueFull, ResponseFuture,
};

use crate::support::*;

#[test]
fn all_public_types_are_send_sync_and_debug() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<PerAccountConcurrencyLayer>();
    check::<PerAccountConcurrencyBuilder>();
    check::<PerAccountConcurrencyHandle>();
    check::<PerAccountConcurrency<Inner>>();
    check::<HeldBody<String>>();
    check::<QueueFull>();
    check::<ResponseFuture<Inner, String>>();
    let (client, _server) = over_mock(one_each());
    let pending = start(&client, write("secret"));
    let shown = format!("{client:?} {:?} {pending:?}", client.handle());
    assert!(
        shown.contains("max_writes") || shown.contains("writes: 1"),
        "{shown}"
    );
    assert!(shown.contains("Called"), "{shown}");
}
