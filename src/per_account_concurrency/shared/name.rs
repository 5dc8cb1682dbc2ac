use crate::{extensions::AccountId, per_account_concurrency::limits::Kind};

const WRITES: &str = "writes";
const READS: &str = "reads";

/// What one account's reads or writes are called in all processes.
pub(super) fn name_of(account: Option<&AccountId>, kind: Kind) -> String {
    let kind = match kind {
        Kind::Write => WRITES,
        Kind::Read => READS,
    };
    match account {
        Some(account) => format!("{kind}:{account}"),
        None => kind.to_owned(),
    }
}

/// Whose they are. `None`: somebody else's.
pub(super) fn of_name(name: &str) -> Option<(Option<AccountId>, Kind)> {
    let (kind, account) = match name.split_once(':') {
        Some((kind, account)) => (kind, Some(account.into())),
        None => (name, None),
    };
    let kind = match kind {
        WRITES => Kind::Write,
        READS => Kind::Read,
        _ => return None,
    };
    Some((account, kind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_tells_whose_it_is(account in prop::option::of(".{0,30}"), read: bool) {
            let account = account.map(AccountId::from);
            let kind = if read { Kind::Read } else { Kind::Write };
            let name = name_of(account.as_ref(), kind);
            prop_assert_eq!(of_name(&name), Some((account, kind)));
        }
    }

    #[test]
    fn what_another_layer_shares_is_none_of_ours() {
        for name in ["app", "endpoint:writes", "account:4:7001:x", "writes2:7"] {
            assert_eq!(of_name(name), None);
        }
    }
}
