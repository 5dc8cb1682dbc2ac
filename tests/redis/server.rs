use std::{
    io,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
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
        for _ in 0..20 {
            let port = free_port();
            let child = spawn(port, arguments);
            let mut server = Self { child, port };
            if server.answers().await {
                return server;
            }
        }
        panic!("redis-server does not start: {arguments:?}");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command in one line, and returns what comes back.
    pub(crate) async fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(socket(self.port)).await?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        let mut answer = vec![0; 65_536];
        let length = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    /// Waits until it answers, and not somebody else. It has ended if its port was
    /// taken meanwhile.
    pub(crate) async fn answers(&mut self) -> bool {
        let ours = format!("process_id:{}\r\n", self.child.id());
        let ready = async {
            loop {
                let answer = self.ask("INFO server").await;
                if answer.is_ok_and(|answer| answer.contains(&ours)) {
                    return true;
                }
                if self.child.try_wait().expect("it is a child").is_some() {
                    return false;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let ready = timeout(Duration::from_secs(20), ready).await;
        ready.expect("redis-server answers within 20 seconds")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(socket(self.port));
    }
}

/// Where it is asked, whatever is spoken on its port.
fn socket(port: u16) -> PathBuf {
    std::env::temp_dir().join(format!("redis-{}-{port}.sock", std::process::id()))
}

/// In its arguments, `{port}` stands for its port.
pub(crate) fn spawn(port: u16, arguments: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    command.arg("--unixsocket").arg(socket(port));
    command
        .args(
            arguments
                .iter()
                .map(|it| it.replace("{port}", &port.to_string())),
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect(
        "these tests need redis-server: install the Debian package `redis-server` \
         (apt-get install redis-server)",
    )
}

/// Below those that the system gives to outgoing connections: one of them could
/// take the port of a server that is away for a moment. In a Cluster the port
/// 10,000 higher must be free too.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Another process begins elsewhere.
        let next = std::process::id() * 97 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 11_000 + (next % 10_000) as u16;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
