use std::{collections::HashMap, time::Duration};

use super::{chance::Chance, clock::Micros, ledger::Made};

/// Something that is made in the background: a task, or a video.
#[derive(Clone, Copy, Debug)]
struct Job {
    owner: u32,
    created: Micros,
    /// How long it is queued, and then made.
    times: TaskTimes,
    fails: bool,
    canceled: bool,
    polls: u64,
    told: Option<Micros>,
}

/// How long a job is queued, and how long it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskTimes {
    pub(super) queued: Micros,
    pub(super) processing: Micros,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Running,
    Done,
    Failed,
    Canceled,
}

#[derive(Debug)]
pub(super) struct Tasks {
    times: TaskTimes,
    spread: f64,
    seed: u64,
    jobs: HashMap<String, Job>,
    /// In the order of creation.
    ids: Vec<String>,
}

impl Tasks {
    pub(super) fn new(times: TaskTimes, spread: f64, seed: u64) -> Self {
        Self {
            times,
            spread,
            seed,
            jobs: HashMap::new(),
            ids: Vec::new(),
        }
    }

    pub(super) fn create(&mut self, now: Micros, owner: u32, fails: bool) -> String {
        let id = format!("2{:018}", self.jobs.len());
        self.begin(now, owner, &id, self.times, fails);
        id
    }

    /// Something of the name `id` is made; tells when it will be there.
    pub(super) fn begin(
        &mut self,
        now: Micros,
        owner: u32,
        id: &str,
        times: TaskTimes,
        fails: bool,
    ) -> Micros {
        let number = u64::try_from(self.ids.len()).unwrap_or(u64::MAX);
        let factor = self.factor(number);
        let times = TaskTimes {
            queued: times_factor(times.queued, factor),
            processing: times_factor(times.processing, factor),
        };
        let job = Job {
            owner,
            created: now,
            times,
            fails,
            canceled: false,
            polls: 0,
            told: None,
        };
        self.ids.push(id.to_owned());
        self.jobs.insert(id.to_owned(), job);
        job.ready()
    }

    pub(super) fn status(&mut self, now: Micros, owner: u32, id: &str) -> Option<Status> {
        let job = self.jobs.get_mut(id).filter(|job| job.owner == owner)?;
        job.polls += 1;
        let status = match job {
            Job { canceled: true, .. } => Status::Canceled,
            _ if now < job.created.saturating_add(job.times.queued) => Status::Queued,
            _ if now < job.ready() => Status::Running,
            Job { fails: true, .. } => Status::Failed,
            _ => Status::Done,
        };
        if matches!(status, Status::Done | Status::Failed) {
            job.told.get_or_insert(now);
        }
        Some(status)
    }

    pub(super) fn cancel(&mut self, owner: u32, id: &str) -> bool {
        let job = self.jobs.get_mut(id).filter(|job| job.owner == owner);
        job.map(|job| job.canceled = true).is_some()
    }

    /// All jobs, in the order of creation.
    pub(super) fn made(&self) -> Vec<Made> {
        let jobs = self.ids.iter().map(|id| (id, &self.jobs[id]));
        jobs.map(|(id, job)| Made {
            id: id.clone(),
            begun: Duration::from_micros(job.created),
            ready: Duration::from_micros(job.ready()),
            told: job.told.map(Duration::from_micros),
            polls: job.polls,
        })
        .collect()
    }

    /// Between `1 / spread` and `spread`, each order of magnitude as often.
    fn factor(&self, number: u64) -> f64 {
        let unit = Chance::of(self.seed, number).unit();
        self.spread.powf(2.0 * unit - 1.0)
    }
}

impl Job {
    fn ready(&self) -> Micros {
        let length = self.times.queued.saturating_add(self.times.processing);
        self.created.saturating_add(length)
    }
}

fn times_factor(time: Micros, factor: f64) -> Micros {
    (time as f64 * factor) as Micros
}
