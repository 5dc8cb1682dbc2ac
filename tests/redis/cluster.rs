use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::server::{Server, spawn};

/// Three nodes that are one Cluster, without replicas.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    files: Vec<PathBuf>,
    more: Vec<String>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// Each node has more arguments.
    pub(crate) async fn start_with(more: Vec<String>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (mut nodes, mut files) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            // Each writes down who the others are: not into the same file.
            let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let file = std::env::temp_dir().join(format!("nodes-{process}-{next}.conf"));
            let _ = std::fs::remove_file(&file);
            nodes.push(Server::start(&arguments(&file.to_string_lossy(), &more)).await);
            files.push(file);
        }
        for (node, (first, last)) in nodes.iter().zip(RANGES) {
            node.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"))
                .await;
            node.tell(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port))
                .await;
        }
        let cluster = Self { nodes, files, more };
        cluster.becomes_whole().await;
        cluster
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// The slot of an app, and the node that has it from the start.
    pub(crate) async fn slot_of(&self, app: &str) -> (u32, usize) {
        let ask = format!("CLUSTER KEYSLOT {{pacing:{app}}}:born");
        let answer = self.nodes[0].tell(&ask).await;
        let slot = answer.trim().trim_start_matches(':').parse();
        let slot = slot.expect("a number");
        let owner = RANGES.iter().position(|(_, last)| slot <= *last);
        (slot, owner.expect("each slot has one"))
    }

    /// Hands a slot over to another node, with all that is in it.
    pub(crate) async fn move_slot(&self, slot: u32, from: usize, to: usize) {
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (old, new) = (source.id().await, target.id().await);
        target
            .does(&format!("CLUSTER SETSLOT {slot} IMPORTING {old}"))
            .await;
        source
            .does(&format!("CLUSTER SETSLOT {slot} MIGRATING {new}"))
            .await;
        let keys = source
            .tell(&format!("CLUSTER GETKEYSINSLOT {slot} 100"))
            .await;
        let keys: Vec<&str> = keys.lines().filter(|it| it.starts_with('{')).collect();
        assert!(!keys.is_empty(), "the slot is in use");
        let (port, keys) = (target.port, keys.join(" "));
        source
            .does(&format!(
                "MIGRATE 127.0.0.1 {port} \"\" 0 10000 KEYS {keys}"
            ))
            .await;
        for node in [target, source] {
            node.does(&format!("CLUSTER SETSLOT {slot} NODE {new}"))
                .await;
        }
    }

    /// A node takes a slot whose owner is gone, without what was in it.
    pub(crate) async fn take_slot(&self, slot: u32, gone: &str, to: usize, other: usize) {
        let (target, other) = (&self.nodes[to], &self.nodes[other]);
        let new = target.id().await;
        target
            .does(&format!("CLUSTER SETSLOT {slot} IMPORTING {gone}"))
            .await;
        for node in [target, other] {
            node.does(&format!("CLUSTER SETSLOT {slot} NODE {new}"))
                .await;
        }
    }

    /// Starts a node anew that was killed. It knows the others yet, and has
    /// forgotten all that was in its slots.
    pub(crate) async fn restart(&mut self, node: usize) {
        let server = &mut self.nodes[node];
        let file = self.files[node].to_string_lossy();
        server.child = spawn(server.port, &arguments(&file, &self.more));
        assert!(server.answers().await, "its port was taken");
        self.becomes_whole().await;
    }

    async fn becomes_whole(&self) {
        let whole = timeout(Duration::from_secs(30), async {
            while !self.is_whole().await {
                sleep(Duration::from_millis(50)).await;
            }
        });
        whole.await.expect("the cluster is whole within 30 seconds");
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

/// The slots of each node.
const RANGES: [(u32, u32); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

fn arguments<'a>(file: &'a str, more: &'a [String]) -> Vec<&'a str> {
    let ours = ["--cluster-enabled", "yes", "--cluster-config-file", file];
    ours.into_iter()
        .chain(more.iter().map(String::as_str))
        .collect()
}

impl Server {
    /// Its name in the Cluster.
    pub(crate) async fn id(&self) -> String {
        let answer = self.tell("CLUSTER MYID").await;
        answer.lines().nth(1).expect("a name").to_owned()
    }

    async fn does(&self, command: &str) {
        let answer = self.tell(command).await;
        assert!(answer.starts_with("+OK"), "{command}: {answer}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nodes that are there yet do not read it again.
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}
