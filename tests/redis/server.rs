use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// A real server on a free port, which keeps nothing. It ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        let child = spawn(port, arguments);
        let server = Self { child, port };
        server.answers().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command in one line, and returns what comes back.
    pub(crate) async fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("the server is there");
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .expect("the server is there");
        let mut answer = vec![0; 65_536];
        let length = stream.read(&mut answer).await.expect("the server is there");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    pub(crate) async fn answers(&self) {
        let ready = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err()
                || !self.tell("PING").await.contains("PONG")
            {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let ready = timeout(Duration::from_secs(20), ready).await;
        ready.expect("redis-server answers within 20 seconds");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn spawn(port: u16, arguments: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect(
        "these tests need redis-server: install the Debian package `redis-server` \
         (apt-get install redis-server)",
    )
}

/// In a Cluster the port 10,000 higher must be free too.
pub(crate) fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a free port").port();
        if port < 55_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}
