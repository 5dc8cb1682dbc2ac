/// The names of the keys. All have the same hash tag, so that a Cluster keeps
/// them on one node and a script may touch them together.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    tag: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, app: &str) -> Self {
        Self {
            tag: format!("{{{prefix}:{app}}}"),
        }
    }

    pub(super) fn born(&self) -> String {
        format!("{}:born", self.tag)
    }

    pub(super) fn members(&self) -> String {
        format!("{}:members", self.tag)
    }

    pub(super) fn scope(&self, name: &str) -> String {
        format!("{}:scope:{name}", self.tag)
    }

    pub(super) fn channel(&self) -> String {
        format!("{}:notices", self.tag)
    }
}
