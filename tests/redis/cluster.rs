use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::server::Server;

/// Three nodes that are one Cluster, without replicas.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let mut nodes = Vec::new();
        for node in 0..3 {
            // Each writes down who the others are: not into the same file.
            let file =
                std::env::temp_dir().join(format!("nodes-{}-{node}.conf", std::process::id()));
            let _ = std::fs::remove_file(&file);
            let file = file.to_string_lossy();
            let arguments = ["--cluster-enabled", "yes", "--cluster-config-file", &file];
            nodes.push(Server::start(&arguments).await);
        }
        let ranges = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
        for (node, (first, last)) in nodes.iter().zip(ranges) {
            node.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"))
                .await;
            node.tell(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port))
                .await;
        }
        let cluster = Self { nodes };
        let whole = timeout(Duration::from_secs(30), async {
            while !cluster.is_whole().await {
                sleep(Duration::from_millis(50)).await;
            }
        });
        whole.await.expect("the cluster is whole within 30 seconds");
        cluster
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    async fn is_whole(&self) -> bool {
        for node in &self.nodes {
            let info = node.tell("CLUSTER INFO").await;
            if !info.contains("cluster_state:ok") || !info.contains("cluster_known_nodes:3") {
                return false;
            }
        }
        true
    }
}
