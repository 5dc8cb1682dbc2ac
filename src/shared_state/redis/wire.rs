//! How an exchange is written for the script, and how its answer is read.

use std::{sync::Arc, time::Duration};

use super::keys::Keys;
use crate::shared_state::{
    Exchange, Notice, PermitPart, Reply, ScopeReply, StoreError, StoreErrorKind, Tokens,
    WindowReply, WindowSpan, allocation::LONGEST_LEASE, exchange::millis,
};

/// Adds the keys and the arguments of an exchange.
pub(super) fn write(command: &mut redis::Cmd, exchange: &Exchange, keys: &Keys) {
    command.arg(exchange.scopes.len() + 2);
    command.arg(keys.born()).arg(keys.members());
    for scope in &exchange.scopes {
        command.arg(keys.scope(&scope.name));
    }
    command.arg(member(exchange.member)).arg(exchange.number);
    command.arg(millis(exchange.lease).min(LONGEST_LEASE));
    command.arg(keys.channel());
    for scope in &exchange.scopes {
        command.arg(&*scope.name).arg(scope.acknowledged);
        command.arg(u8::from(scope.claim));
        match scope.hold {
            Some(hold) => command.arg(millis(hold)),
            None => command.arg(-1),
        };
        command.arg(scope.windows.len());
        for window in &scope.windows {
            command.arg(window.span.code()).arg(window.limit);
            command.arg(window.held).arg(window.want).arg(window.queued);
            match window.learned {
                Some(ratio) => command.arg(ratio),
                None => command.arg(-1),
            };
            command.arg(window.returned.len());
            for back in &window.returned {
                command.arg(millis(back.free_in)).arg(back.count);
            }
        }
    }
}

/// As wide as the largest, so that texts sort as numbers do.
pub(super) fn member(id: u64) -> String {
    format!("{id:016x}")
}

/// Reads the answer to `exchange`. `None`: it makes no sense.
pub(super) fn read(answer: &[i64], exchange: &Exchange) -> Result<Reply, StoreError> {
    if answer == [-1] {
        return Err(StoreError::stale());
    }
    let mut numbers = Numbers(answer.iter());
    let reply = numbers.reply(exchange);
    let reply = reply.filter(|_| numbers.0.next().is_none());
    reply.ok_or_else(|| StoreError::new(StoreErrorKind::Nonsense))
}

struct Numbers<'a>(std::slice::Iter<'a, i64>);

impl Numbers<'_> {
    fn number<N: TryFrom<i64>>(&mut self) -> Option<N> {
        N::try_from(*self.0.next()?).ok()
    }

    fn time(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(self.number()?))
    }

    /// -1 stands for none.
    fn maybe<N: TryFrom<i64>>(&mut self) -> Option<Option<N>> {
        match *self.0.next()? {
            -1 => Some(None),
            number => Some(Some(N::try_from(number).ok()?)),
        }
    }

    fn reply(&mut self, exchange: &Exchange) -> Option<Reply> {
        if self.number::<i64>()? != 1 {
            return None;
        }
        let mut reply = Reply::new(self.number()?, self.number()?);
        for scope in &exchange.scopes {
            let mut answer = ScopeReply {
                hold: self.maybe()?.map(Duration::from_millis),
                ask_in: self.maybe()?.map(Duration::from_millis),
                missed: self.number::<u8>()? == 1,
                ..ScopeReply::default()
            };
            for _ in &scope.windows {
                let mut window = WindowReply::new(self.number()?, self.number()?, self.number()?);
                window.spare = self.number()?;
                window.learned = self.maybe()?;
                for _ in 0..self.number::<u32>()? {
                    let free_in = self.time()?;
                    window.granted.push(Tokens::new(self.number()?, free_in));
                }
                answer.windows.push(window);
            }
            reply.scopes.push(answer);
        }
        Some(reply)
    }
}

/// Reads what the script told everybody.
pub(super) fn notice(text: &str) -> Option<Notice> {
    let mut words = text.splitn(3, ' ');
    let (kind, value) = (words.next()?, words.next()?);
    let scope: Arc<str> = words.next()?.into();
    match kind {
        "hold" => Some(Notice::Hold {
            scope,
            wait: Duration::from_millis(value.parse().ok()?),
        }),
        "learned" => {
            let (ratio, code) = value.split_once(',')?;
            Some(Notice::Learned {
                scope,
                span: WindowSpan::of_code(code.parse().ok()?)?,
                ratio: ratio.parse().ok()?,
            })
        }
        "wanted" => {
            let members = value.split(',').map(|id| u64::from_str_radix(id, 16).ok());
            Some(Notice::Wanted {
                scope,
                members: members.collect::<Option<_>>()?,
            })
        }
        "permits" => Some(Notice::Permits {
            scope,
            parts: value.split(',').map(permit_part).collect::<Option<_>>()?,
        }),
        _ => None,
    }
}

fn permit_part(text: &str) -> Option<PermitPart> {
    let mut words = text.split(':');
    let member = u64::from_str_radix(words.next()?, 16).ok()?;
    let number = words.next()?.parse().ok()?;
    let (held, target) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let part = PermitPart::new(member, number, held, target);
    words.next().is_none().then_some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shared_state::{ScopeAsk, WindowAsk};

    fn exchange() -> Exchange {
        let mut exchange = Exchange::new(1, 1, Duration::from_secs(5));
        let mut scope = ScopeAsk::new("app");
        scope.windows.push(WindowAsk::new(WindowSpan::DayUtc, 10));
        exchange.scopes.push(scope);
        exchange
    }

    #[test]
    fn an_answer_is_read_to_its_end() {
        let answer = [1, 9, 4, -1, 250, 1, 3, 2, 10, 0, -1, 1, 40, 2];
        let reply = read(&answer, &exchange()).unwrap();
        let window = &reply.scopes[0].windows[0];
        assert_eq!((window.target, window.held, window.limit), (3, 2, 10));
        assert_eq!(window.granted, [Tokens::new(2, Duration::from_millis(40))]);
        assert_eq!(reply.scopes[0].ask_in, Some(Duration::from_millis(250)));
        assert!(reply.scopes[0].missed);
        assert!(read(&answer[..13], &exchange()).is_err());
    }

    #[test]
    fn a_notice_is_read_with_whatever_its_scope_is_called() {
        let scope: Arc<str> = "a b, c".into();
        let members = vec![10, 1];
        assert_eq!(
            notice("wanted 000000000000000a,0000000000000001 a b, c"),
            Some(Notice::Wanted { scope, members })
        );
        assert_eq!(notice("wanted x app"), None);
        let learned = |span| {
            let scope = "app".into();
            let ratio = 500_000;
            Some(Notice::Learned { scope, span, ratio })
        };
        let second = WindowSpan::Any(Duration::from_secs(1));
        assert_eq!(notice("learned 500000,1000 app"), learned(second));
        assert_eq!(notice("learned 500000,-1 app"), learned(WindowSpan::DayUtc));
        assert_eq!(notice("learned 500000,-2 app"), None);
        let parts = vec![PermitPart::new(10, 7, 2, 1), PermitPart::new(1, 9, 0, 3)];
        assert_eq!(
            notice("permits 000000000000000a:7:2:1,0000000000000001:9:0:3 a b, c"),
            Some(Notice::Permits {
                scope: "a b, c".into(),
                parts
            })
        );
        assert_eq!(notice("permits a:7:2 app"), None);
    }

    proptest! {
        #[test]
        fn nonsense_is_an_error_and_no_panic(answer in prop::collection::vec(-2_i64..20, 0..30)) {
            let good = read(&answer, &exchange());
            prop_assert!(good.is_err() || answer.len() >= 12);
        }

        #[test]
        fn no_notice_panics(text in ".*") {
            prop_assert!(notice(&text).is_none() || text.contains(' '));
        }
    }
}
