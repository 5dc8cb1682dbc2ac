use redis::{Cmd, FromRedisValue, RedisError, Value, aio::ConnectionLike};

use super::{
    error::{is_missing_script, store_error},
    keys::Keys,
    wire,
};
use crate::shared_state::{Exchange, Reply, StoreError, StoreErrorKind};

/// One text, in the order in which it needs itself.
const PARTS: &str = concat!(
    include_str!("stored.lua"),
    include_str!("window.lua"),
    include_str!("fill.lua"),
    include_str!("members.lua"),
    include_str!("exchange.lua"),
);

/// What carries out an exchange on the server.
#[derive(Debug)]
pub(super) struct Script {
    text: String,
    hash: String,
}

impl Script {
    /// The time is the server's: no process's clock counts.
    pub(super) fn new() -> Self {
        Self::with_clock(include_str!("clock.lua"))
    }

    pub(super) fn with_clock(clock: &str) -> Self {
        let text = format!("{clock}\n{PARTS}");
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    pub(super) async fn run(
        &self,
        connection: &mut impl ConnectionLike,
        exchange: &Exchange,
        keys: &Keys,
    ) -> Result<Reply, StoreError> {
        let mut answer = self
            .send("EVALSHA", &self.hash, connection, exchange, keys)
            .await;
        // Nothing was carried out, so it may be said again, with the script.
        if answer.as_ref().is_err_and(is_missing_script) {
            answer = self
                .send("EVAL", &self.text, connection, exchange, keys)
                .await;
        }
        let answer = answer.map_err(|error| store_error(&error))?;
        let numbers = Vec::<i64>::from_redis_value(answer)
            .map_err(|_| StoreError::new(StoreErrorKind::Nonsense))?;
        wire::read(&numbers, exchange)
    }

    async fn send(
        &self,
        name: &str,
        script: &str,
        connection: &mut impl ConnectionLike,
        exchange: &Exchange,
        keys: &Keys,
    ) -> Result<Value, RedisError> {
        let mut command = Cmd::new();
        command.arg(name).arg(script);
        wire::write(&mut command, exchange, keys);
        connection
            .req_packed_command(&command)
            .await?
            .extract_error()
    }
}
