use std::process::Command;

use crate::server::{Server, spawn};

impl Server {
    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("the process is there");
    }

    /// Starts it anew on the same port. It has forgotten everything.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &[]);
        self.answers().await;
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(status.expect("the process is there").success());
    }
}
