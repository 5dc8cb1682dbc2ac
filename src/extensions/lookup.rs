use http::Extensions;

use super::RequestContext;

/// What the layers look for in the extensions of a request, looked up once.
///
/// Most requests carry their context and nothing else, and then there is
/// nothing else to look for.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    pub(crate) context: Option<&'a RequestContext>,
    /// All of them, if there are more than the context.
    pub(crate) more: Option<&'a Extensions>,
}

impl<'a> Lookup<'a> {
    #[inline]
    pub(crate) fn of(extensions: &'a Extensions) -> Self {
        let context = extensions.get::<RequestContext>();
        let more = extensions.len() > usize::from(context.is_some());
        Self {
            context,
            more: more.then_some(extensions),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::extensions::{Deadline, Operation};

    #[test]
    fn beside_a_lone_context_nothing_is_looked_for() {
        let mut extensions = Extensions::new();
        assert!(Lookup::of(&extensions).context.is_none());
        assert!(Lookup::of(&extensions).more.is_none());

        extensions.insert(RequestContext::new(Operation::Read));
        assert!(Lookup::of(&extensions).context.is_some());
        assert!(Lookup::of(&extensions).more.is_none());
    }

    #[test]
    fn a_deadline_is_found_with_a_context_or_without() {
        let deadline = Deadline::at(Instant::now());
        let found = |extensions: &Extensions| {
            let more = Lookup::of(extensions).more;
            more.and_then(Deadline::to_send)
        };
        let mut extensions = Extensions::new();
        extensions.insert(deadline);
        assert_eq!(found(&extensions), Some(deadline.instant()));

        extensions.insert(RequestContext::new(Operation::Read));
        assert!(Lookup::of(&extensions).context.is_some());
        assert_eq!(found(&extensions), Some(deadline.instant()));
    }
}
