use std::{fs, path::PathBuf, process::Command};

use crate::server::Server;

/// A certificate of our own making, for 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    pub(crate) fn make() -> Self {
        let folder = std::env::temp_dir().join(format!("certificate-{}", std::process::id()));
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

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// A server that speaks TLS on a second port.
    pub(crate) async fn server(&self, port: u16) -> Server {
        let (certificate, key) = (self.file("cert.pem"), self.file("key.pem"));
        let port = port.to_string();
        Server::start(&[
            "--tls-port",
            &port,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &certificate,
            "--tls-auth-clients",
            "no",
        ])
        .await
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
