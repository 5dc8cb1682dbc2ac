use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::coalesce::{Identity, Landed};

/// The last answers, to be given again within a while.
///
/// All live equally long, so the first that came is the first that goes.
#[derive(Debug)]
pub(super) struct Kept {
    answers: Mutex<Answers>,
    bounds: Bounds,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) keep_for: Duration,
    pub(super) max_answers: usize,
    pub(super) max_bytes: usize,
}

#[derive(Debug, Default)]
struct Answers {
    by_identity: HashMap<Identity, Answer>,
    /// In the order in which they came.
    order: VecDeque<(Instant, Identity)>,
    bytes: usize,
}

#[derive(Debug)]
struct Answer {
    at: Instant,
    landed: Landed,
    bytes: usize,
}

impl Kept {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            answers: Mutex::default(),
            bounds,
        }
    }

    /// The last answer, and how old it is.
    pub(super) fn get(&self, identity: &Identity, now: Instant) -> Option<(Landed, Duration)> {
        let answers = self.answers();
        let answer = answers.by_identity.get(identity)?;
        let age = now.saturating_duration_since(answer.at);
        (age < self.bounds.keep_for).then(|| (answer.landed.clone(), age))
    }

    pub(super) fn put(&self, identity: &Identity, landed: Landed, now: Instant) {
        let bytes = landed.bytes().saturating_add(identity.len());
        if self.bounds.keep_for.is_zero() || bytes > self.bounds.max_bytes {
            return;
        }
        let mut gone = Vec::new();
        let mut answers = self.answers();
        gone.extend(answers.remove(identity));
        answers.order.push_back((now, identity.clone()));
        answers.bytes += bytes;
        let answer = Answer {
            at: now,
            landed,
            bytes,
        };
        answers.by_identity.insert(identity.clone(), answer);
        while let Some((at, _)) = answers.order.front()
            && (now.saturating_duration_since(*at) >= self.bounds.keep_for
                || answers.by_identity.len() > self.bounds.max_answers
                || answers.bytes > self.bounds.max_bytes)
        {
            gone.extend(answers.remove_first());
        }
        drop(answers);
        // Outside the lock: what is in it may be anything.
        drop(gone);
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn remove(&mut self, identity: &Identity) -> Option<Answer> {
        let answer = self.by_identity.remove(identity)?;
        self.bytes -= answer.bytes;
        self.order.retain(|(_, kept)| kept != identity);
        Some(answer)
    }

    fn remove_first(&mut self) -> Option<Answer> {
        let (_, identity) = self.order.pop_front()?;
        let answer = self.by_identity.remove(&identity)?;
        self.bytes -= answer.bytes;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;

    use super::*;
    use crate::body::Frames;

    fn identity(n: u32) -> Identity {
        let request = Request::get(format!("/{n}")).body(Full::<Bytes>::default());
        Identity::of(&request.unwrap()).unwrap()
    }

    fn answer(bytes: usize) -> Landed {
        let (head, ()) = Response::new(()).into_parts();
        Landed::answer(head, Frames::of(Bytes::from(vec![0; bytes])))
    }

    fn kept() -> Kept {
        Kept::new(Bounds {
            keep_for: Duration::from_secs(60),
            max_answers: 10,
            max_bytes: 10_000,
        })
    }

    #[test]
    fn answers_stay_within_both_bounds() {
        let (kept, now) = (kept(), Instant::now());
        for n in 0..1_000 {
            kept.put(&identity(n), answer((n as usize * 37) % 12_000), now);
            let answers = kept.answers();
            assert!(answers.by_identity.len() <= 10 && answers.bytes <= 10_000);
            assert_eq!(answers.by_identity.len(), answers.order.len());
        }
    }

    #[test]
    fn an_answer_is_given_for_its_time_only() {
        let (kept, now) = (kept(), Instant::now());
        kept.put(&identity(1), answer(10), now);
        let later = now + Duration::from_secs(59);
        let (_, age) = kept.get(&identity(1), later).unwrap();
        assert_eq!(age, Duration::from_secs(59));
        let too_late = now + Duration::from_secs(60);
        assert!(kept.get(&identity(1), too_late).is_none());
        kept.put(&identity(2), answer(10), too_late);
        assert_eq!(kept.answers().by_identity.len(), 1);
    }
}
