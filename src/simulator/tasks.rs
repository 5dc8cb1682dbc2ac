use std::collections::HashMap;

use super::clock::Micros;

/// An asynchronous report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    owner: u32,
    created: Micros,
    fails: bool,
    canceled: bool,
}

/// How long a report is queued, and how long it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskTimes {
    pub(super) queued: Micros,
    pub(super) processing: Micros,
}

#[derive(Debug)]
pub(super) struct Tasks {
    times: TaskTimes,
    tasks: HashMap<String, Task>,
}

impl Tasks {
    pub(super) fn new(times: TaskTimes) -> Self {
        Self {
            times,
            tasks: HashMap::new(),
        }
    }

    pub(super) fn create(&mut self, now: Micros, owner: u32, fails: bool) -> String {
        let id = format!("2{:018}", self.tasks.len());
        let task = Task {
            owner,
            created: now,
            fails,
            canceled: false,
        };
        self.tasks.insert(id.clone(), task);
        id
    }

    pub(super) fn status(&self, now: Micros, owner: u32, id: &str) -> Option<&'static str> {
        let task = self.tasks.get(id).filter(|task| task.owner == owner)?;
        let age = now - task.created;
        Some(match task {
            Task { canceled: true, .. } => "CANCELED",
            _ if age < self.times.queued => "QUEUING",
            _ if age - self.times.queued < self.times.processing => "PROCESSING",
            Task { fails: true, .. } => "FAILED",
            _ => "SUCCESS",
        })
    }

    pub(super) fn cancel(&mut self, owner: u32, id: &str) -> bool {
        let task = self.tasks.get_mut(id).filter(|task| task.owner == owner);
        task.map(|task| task.canceled = true).is_some()
    }
}
