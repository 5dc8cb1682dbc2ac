use crate::request_pacing::{Scope, scopes::Kind};

/// What a scope is called in all processes. The account and the endpoint are
/// told apart by the length of the first.
pub(super) fn name_of(scope: &Scope) -> String {
    let name = scope.name().unwrap_or_default();
    match scope.kind() {
        Kind::App => "app".to_owned(),
        Kind::Endpoint => format!("endpoint:{name}"),
        Kind::AccountEndpoint => {
            let account = scope.account().map_or("", |it| it.as_str());
            format!("account:{}:{account}:{name}", account.len())
        }
        // It may be a secret.
        Kind::Field => format!("field:{:016x}", hash(name)),
    }
}

/// The same in every process and version (FNV-1a).
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scopes_have_one_name() {
        let scopes = [
            Scope::app(),
            Scope::endpoint("app"),
            Scope::account_endpoint("1", "2:3"),
            Scope::account_endpoint("1:2", "3"),
            Scope::field_value("1"),
            Scope::field_value("2"),
        ];
        let mut names: Vec<_> = scopes.iter().map(name_of).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), scopes.len());
        assert!(!name_of(&Scope::field_value("secret")).contains("secret"));
    }
}
