//! The whole stack over real sockets: HTTP/1.1 and HTTP/2, hyper's client and
//! reqwest's, against the simulator as a server.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod answers;
mod connections;
mod named;
mod support;
