use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{cluster::Cluster, server::Server};

/// A certificate of our own making, for 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    pub(crate) fn make() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("certificate-{process}-{next}"));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let certificate = Self { folder };
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &certificate.file("key.pem")])
            .args(["-out", &certificate.file("cert.pem")])
            .output()
            .expect("these tests need openssl: install the Debian package `openssl`");
        assert!(made.status.success(), "{made:?}");
        certificate
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// A server that speaks TLS and nothing else.
    pub(crate) async fn server(&self) -> Server {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Server::start(&arguments).await
    }

    /// Three of them, which speak it among themselves too.
    pub(crate) async fn cluster(&self) -> Cluster {
        let mut arguments = self.arguments();
        arguments.extend(["--tls-cluster", "yes"].map(str::to_owned));
        Cluster::start_with(arguments).await
    }

    fn arguments(&self) -> Vec<String> {
        let (certificate, key) = (self.file("cert.pem"), self.file("key.pem"));
        let arguments = [
            ["--port", "0"],
            ["--tls-port", "{port}"],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &certificate],
            ["--tls-auth-clients", "no"],
        ];
        arguments.concat().into_iter().map(str::to_owned).collect()
    }

    /// Nobody of this system has signed it: whoever is to believe it is told so.
    pub(crate) fn root(&self) -> Vec<u8> {
        fs::read(self.file("cert.pem")).expect("it was made")
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
