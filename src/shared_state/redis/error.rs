use std::{error::Error, fmt};

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::shared_state::{StoreError, StoreErrorKind};

/// The address or a setting of a [`RedisState`](super::RedisState) makes no
/// sense. It never contains the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRedis {
    /// The address is none of Redis, or needs the feature `redis-tls`.
    Address,
    /// The certificate is none, or its address is not one of TLS.
    Certificate,
    /// There is no address.
    NoAddress,
    /// The prefix or the name of the app has a brace in it, or is empty.
    Name,
    /// The time to connect is zero.
    Time,
}

impl fmt::Display for InvalidRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "an address is none of redis, or needs the feature redis-tls",
            Self::Certificate => "the certificate is none, or the address is not one of tls",
            Self::NoAddress => "there is no address",
            Self::Name => "the prefix or the app is empty or has a brace in it",
            Self::Time => "the time to connect is zero",
        })
    }
}

impl Error for InvalidRedis {}

/// Of the server's error only its code is kept: the rest may quote us.
pub(super) fn store_error(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        _ if error.is_timeout() => StoreErrorKind::Timeout,
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreErrorKind::Nonsense,
        ErrorKind::AuthenticationFailed | ErrorKind::Server(_) | ErrorKind::Extension => {
            StoreErrorKind::Refused
        }
        _ => StoreErrorKind::Unreachable,
    };
    let code = error.code().filter(|code| is_code(code));
    match (kind, code) {
        (StoreErrorKind::Refused, Some(code)) => StoreError::new(kind).with_code(code),
        _ => StoreError::new(kind),
    }
}

pub(super) fn is_missing_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn is_code(code: &str) -> bool {
    code.len() <= 32 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shared_state::{RedisState, RedisStateBuilder};

    fn good() -> RedisStateBuilder {
        RedisState::connect("redis://127.0.0.1")
    }

    #[test]
    fn settings_that_make_no_sense_are_told_by_type() {
        assert!(good().build().is_ok());
        let none: [&str; 0] = [];
        for (found, builder) in [
            (InvalidRedis::Name, good().prefix("")),
            (InvalidRedis::Name, good().prefix("a{b")),
            (InvalidRedis::Name, good().app("")),
            (InvalidRedis::Name, good().app("a}b")),
            (InvalidRedis::Time, good().connect_timeout(Duration::ZERO)),
            (InvalidRedis::NoAddress, RedisState::cluster(none)),
            (InvalidRedis::Address, RedisState::connect("http://x")),
            (
                InvalidRedis::Address,
                RedisState::cluster(["redis://127.0.0.1", "redis://:port"]),
            ),
            #[cfg(not(feature = "redis-tls"))]
            (InvalidRedis::Address, RedisState::connect("rediss://x")),
            #[cfg(feature = "redis-tls")]
            (InvalidRedis::Certificate, good().root_certificate("none")),
            #[cfg(feature = "redis-tls")]
            (
                InvalidRedis::Certificate,
                RedisState::connect("rediss://x").root_certificate("none"),
            ),
        ] {
            assert_eq!(builder.clone().build().err(), Some(found), "{builder:?}");
        }
    }
}
