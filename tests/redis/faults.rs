use std::{process::Command, time::Duration};

use tokio::time::{sleep, timeout};

use crate::server::{Server, spawn};

impl Server {
    /// Sends one command in one line to a server that is there.
    pub(crate) async fn tell(&self, command: &str) -> String {
        self.ask(command).await.expect("the server is there")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("the process is there");
    }

    /// Starts it anew on the same port. It has forgotten everything.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &[]);
        assert!(self.answers().await, "its port was taken");
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(status.expect("the process is there").success());
    }

    /// Waits until so many hear what is published about this app.
    pub(crate) async fn is_heard_by(&self, app: &str, listeners: usize) {
        let (ask, all) = (
            format!("PUBSUB NUMSUB {{pacing:{app}}}:notices"),
            format!(":{listeners}\r\n"),
        );
        let heard = async {
            while !self.tell(&ask).await.contains(&all) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let heard = timeout(Duration::from_secs(20), heard).await;
        heard.expect("all listen within 20 seconds");
    }
}
