use std::{fmt, time::Duration};

use redis::{Client, IntoConnectionInfo, cluster::ClusterClientBuilder, io::tcp::TcpSettings};

use super::{InvalidRedis, RedisState, keys::Keys, link::Place};

/// Builds a [`RedisState`].
#[derive(Clone)]
pub struct RedisStateBuilder {
    urls: Vec<String>,
    cluster: bool,
    prefix: String,
    app: String,
    connect_timeout: Duration,
    #[cfg(feature = "redis-tls")]
    root: Option<Vec<u8>>,
}

impl RedisStateBuilder {
    pub(super) fn new(urls: Vec<String>, cluster: bool) -> Self {
        Self {
            urls,
            cluster,
            prefix: "pacing".to_owned(),
            app: "default".to_owned(),
            connect_timeout: Duration::from_secs(1),
            #[cfg(feature = "redis-tls")]
            root: None,
        }
    }

    /// Who must have signed the server's certificate, in PEM. The default is
    /// whom the operating system trusts. Of no use without `rediss://`.
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root = Some(pem.into());
        self
    }

    /// What the names of all keys begin with. The default is `pacing`. Others
    /// that use the server need another one.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whose limits these are: processes share with those that name the same.
    /// The default is `default`. It is part of the keys' names, so it should
    /// be no secret.
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = app.into();
        self
    }

    /// How long a connection may take to be made. The default is a second. A
    /// shorter time tries the next sooner; a longer one suits TLS over a slow
    /// network. No request waits for it. In a Cluster each node has a third of
    /// it, so that one that hangs keeps nobody from the others.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Makes it. It connects when it is first used, and a server that is not
    /// there is no error.
    ///
    /// # Errors
    /// When an address is none of Redis, or a name or the time makes no sense.
    pub fn build(self) -> Result<RedisState, InvalidRedis> {
        let bad = |name: &str| name.is_empty() || name.contains(['{', '}']);
        if bad(&self.prefix) || bad(&self.app) {
            return Err(InvalidRedis::Name);
        }
        if self.connect_timeout.is_zero() {
            return Err(InvalidRedis::Time);
        }
        let open = |url: &String| self.open(url);
        let clients = self.urls.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let first = clients.first().ok_or(InvalidRedis::NoAddress)?;
        let place = if self.cluster {
            let cluster = ClusterClientBuilder::new(self.urls);
            #[cfg(feature = "redis-tls")]
            let cluster = match self.root {
                Some(root) => cluster.certs(certificates(&root)),
                None => cluster,
            };
            let cluster = cluster
                .tcp_settings(at_once())
                // NOTE: redis waits for the slowest of the nodes it was told, and
                // then once more for the slowest of those that there are.
                .connection_timeout(self.connect_timeout / 3)
                // One who waits has gone away long before.
                .response_timeout(self.connect_timeout)
                .retries(2)
                .build()
                .map_err(|_| InvalidRedis::Address)?;
            Place::Cluster(Box::new(cluster))
        } else {
            Place::Single(Box::new(first.clone()))
        };
        let keys = Keys::new(&self.prefix, &self.app);
        Ok(RedisState::new(place, clients, keys, self.connect_timeout))
    }

    // NOTE: redis quotes the address in some of its errors.
    fn open(&self, url: &str) -> Result<Client, InvalidRedis> {
        let server = url.into_connection_info();
        let server = server.map_err(|_| InvalidRedis::Address)?;
        let server = server.set_tcp_settings(at_once());
        #[cfg(feature = "redis-tls")]
        if let Some(root) = &self.root {
            // NOTE: redis takes a text without any for a list of none.
            if !root.windows(PEM.len()).any(|text| text == PEM) {
                return Err(InvalidRedis::Certificate);
            }
            let client = Client::build_with_tls(server, certificates(root));
            return client.map_err(|_| InvalidRedis::Certificate);
        }
        Client::open(server).map_err(|_| InvalidRedis::Address)
    }
}

/// The end of a long exchange does not wait until its beginning is acknowledged,
/// which may take as long as a deadline.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// So a certificate begins.
#[cfg(feature = "redis-tls")]
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(feature = "redis-tls")]
fn certificates(root: &[u8]) -> redis::TlsCertificates {
    redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(root.to_vec()),
    }
}

impl fmt::Debug for RedisStateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The addresses may contain a password.
        f.debug_struct("RedisStateBuilder")
            .field("cluster", &self.cluster)
            .field("prefix", &self.prefix)
            .field("app", &self.app)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
