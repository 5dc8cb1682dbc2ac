use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{Job, JobBegan, JobKey, schedule::Schedule};

/// The jobs that were asked after lately.
///
/// They are in two generations: when the young one is half of what may be
/// kept, or old enough, it becomes the old one, and the old one is forgotten.
/// A job that is asked after becomes young again. So a flood of keys pushes
/// out what was not asked after lately, at no more cost than a map's.
#[derive(Debug)]
pub(super) struct Table {
    jobs: Mutex<Generations>,
    max: usize,
    forget_after: Duration,
    chance: Chance,
}

#[derive(Debug)]
struct Generations {
    young: HashMap<JobKey, Schedule>,
    old: HashMap<JobKey, Schedule>,
    since: Instant,
}

#[derive(Debug)]
enum Chance {
    Thread,
    Seeded(Box<Mutex<StdRng>>),
}

impl Table {
    pub(super) fn new(max: usize, forget_after: Duration, seed: Option<u64>) -> Self {
        Self {
            jobs: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                since: Instant::now(),
            }),
            max,
            forget_after,
            chance: seed.map_or(Chance::Thread, |seed| {
                Chance::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed))))
            }),
        }
    }

    /// Runs `look` on the schedule of the job that `own` stands for if it has
    /// no key.
    pub(super) fn with<T>(
        &self,
        job: &Job,
        own: &mut Option<Schedule>,
        began: Option<JobBegan>,
        now: Instant,
        look: impl FnOnce(&mut Schedule, f64) -> T,
    ) -> T {
        let draw = self.chance.draw();
        let new = || Schedule::new(now, began, job.spacing(), || draw);
        let Some(key) = job.key() else {
            return look(own.get_or_insert_with(new), draw);
        };
        let (looked, forgotten) = self.jobs().with(key, self, now, new, |it| look(it, draw));
        drop(forgotten);
        looked
    }

    /// How many jobs are kept.
    pub(super) fn len(&self) -> usize {
        let jobs = self.jobs();
        jobs.young.len() + jobs.old.len()
    }

    fn jobs(&self) -> MutexGuard<'_, Generations> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    /// What is forgotten is handed back, to be dropped outside the lock.
    fn with<T>(
        &mut self,
        key: &JobKey,
        table: &Table,
        now: Instant,
        new: impl FnOnce() -> Schedule,
        look: impl FnOnce(&mut Schedule) -> T,
    ) -> (T, HashMap<JobKey, Schedule>) {
        let mut forgotten = HashMap::new();
        let is_old = now.saturating_duration_since(self.since) >= table.forget_after;
        let is_full = self.young.len() >= table.max / 2 && !self.young.contains_key(key);
        if is_old || is_full {
            forgotten = mem::replace(&mut self.old, mem::take(&mut self.young));
            self.since = now;
        }
        let job = match self.young.get_mut(key) {
            Some(job) => job,
            None => {
                let job = self.old.remove(key).unwrap_or_else(new);
                self.young.entry(key.clone()).or_insert(job)
            }
        };
        (look(job), forgotten)
    }
}

impl Chance {
    fn draw(&self) -> f64 {
        match self {
            Self::Thread => rand::random(),
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll_pacing::Spacing;

    fn job(n: usize) -> Job {
        let spacing = Spacing::between(Duration::from_secs(5), Duration::from_secs(60));
        Job::polled(format!("job {n}"), spacing.unwrap())
    }

    fn claim(table: &Table, job: &Job, now: Instant) -> bool {
        let spacing = *job.spacing();
        table.with(job, &mut None, None, now, |schedule, draw| {
            schedule.claim(now, false, &spacing, || draw).is_ok()
        })
    }

    #[test]
    fn a_flood_of_jobs_stays_within_the_bound() {
        let table = Table::new(100, Duration::from_secs(3_600), Some(1));
        let now = Instant::now();
        for n in 0..10_000 {
            assert!(claim(&table, &job(n), now));
            // This one is asked after all the time, and is not forgotten.
            assert!(!claim(&table, &job(0), now));
            assert!(table.len() <= 100);
        }
    }

    #[test]
    fn a_job_that_nobody_asks_after_is_forgotten() {
        let table = Table::new(100, Duration::from_secs(60), Some(1));
        let now = Instant::now();
        assert!(claim(&table, &job(0), now));
        for minutes in 1..=3 {
            claim(&table, &job(1), now + Duration::from_secs(60) * minutes);
        }
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn the_least_bound_is_kept() {
        let table = Table::new(2, Duration::from_secs(60), Some(1));
        let now = Instant::now();
        for n in 0..10 {
            claim(&table, &job(n), now);
            assert!(table.len() <= 2);
        }
    }
}
