//! The permits against a model that does everything the slow way.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use proptest::prelude::*;

use super::{Limits, Release, limits::Kind, permits::Permits, ticket::Ticket};

const MAX_QUEUED: usize = 4;
const MAX_QUEUED_IN_TOTAL: usize = 9;

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(usize, bool),
    Poll(usize),
    Drop(usize),
    SetAll(u32, u32),
    SetOne(usize, u32, u32),
    RemoveOne(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let account = 0..3_usize;
    prop_oneof![
        6 => (account.clone(), any::<bool>()).prop_map(|(account, read)| Step::Enter(account, read)),
        4 => any::<usize>().prop_map(Step::Poll),
        5 => any::<usize>().prop_map(Step::Drop),
        1 => (0..4_u32, 0..4_u32).prop_map(|(writes, reads)| Step::SetAll(writes, reads)),
        1 => (account.clone(), 0..4_u32, 0..4_u32).prop_map(|(a, w, r)| Step::SetOne(a, w, r)),
        1 => account.prop_map(Step::RemoveOne),
    ]
}

fn limits(writes: u32, reads: u32) -> Limits {
    Limits::default()
        .with_max_writes(writes)
        .with_max_reads(reads)
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Lane = (usize, Kind);

/// A request: the real one, and what the model thinks of it.
struct Request {
    id: usize,
    lane: Lane,
    ticket: Ticket,
    wakes: Arc<Count>,
}

impl Request {
    fn poll(&mut self) -> bool {
        let waker = Waker::from(self.wakes.clone());
        self.ticket
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    }
}

#[derive(Default)]
struct Model {
    all: Limits,
    one: BTreeMap<usize, Limits>,
    held: Vec<(Lane, usize)>,
    queues: Vec<(Lane, VecDeque<usize>)>,
}

impl Model {
    fn limits(&self, account: usize) -> Limits {
        *self.one.get(&account).unwrap_or(&self.all)
    }

    fn in_flight(&self, lane: Lane) -> usize {
        self.held.iter().filter(|(held, _)| *held == lane).count()
    }

    fn queue(&mut self, lane: Lane) -> &mut VecDeque<usize> {
        let found = self.queues.iter().position(|(queue, _)| *queue == lane);
        let index = found.unwrap_or_else(|| {
            self.queues.push((lane, VecDeque::new()));
            self.queues.len() - 1
        });
        &mut self.queues[index].1
    }

    fn queued(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    fn is_held(&self, id: usize) -> bool {
        self.held.iter().any(|(_, held)| *held == id)
    }

    fn enter(&mut self, lane: Lane, id: usize) -> Result<bool, u32> {
        if self.in_flight(lane) < self.limits(lane.0).of(lane.1) as usize {
            self.held.push((lane, id));
            return Ok(true);
        }
        let total = self.queued();
        let queued = self.queue(lane).len();
        if queued >= MAX_QUEUED {
            return Err(queued as u32);
        }
        if total >= MAX_QUEUED_IN_TOTAL {
            return Err(total as u32);
        }
        self.queue(lane).push_back(id);
        Ok(false)
    }

    fn drop(&mut self, lane: Lane, id: usize) {
        self.queue(lane).retain(|queued| *queued != id);
        self.held.retain(|(_, held)| *held != id);
    }

    /// Grants all that can be, and says to whom.
    fn grant(&mut self) -> Vec<usize> {
        let mut granted = Vec::new();
        for account in 0..3 {
            for kind in [Kind::Read, Kind::Write] {
                let lane = (account, kind);
                while self.in_flight(lane) < self.limits(account).of(kind) as usize {
                    let Some(id) = self.queue(lane).pop_front() else {
                        break;
                    };
                    self.held.push((lane, id));
                    granted.push(id);
                }
            }
        }
        granted
    }
}

fn check(permits: &Permits, model: &mut Model) {
    let snapshot = permits.snapshot();
    for account in 0..3 {
        let name = account.to_string();
        let found = snapshot
            .iter()
            .find(|found| found.account.as_ref().unwrap().as_str() == name);
        let seen = found.map_or([0; 4], |found| {
            assert_eq!(found.limits, model.limits(account));
            [
                found.reads_in_flight,
                found.writes_in_flight,
                found.reads_queued,
                found.writes_queued,
            ]
        });
        let expected = [
            model.in_flight((account, Kind::Read)),
            model.in_flight((account, Kind::Write)),
            model.queue((account, Kind::Read)).len(),
            model.queue((account, Kind::Write)).len(),
        ];
        assert_eq!(seen.map(|n| n as usize), expected);
        // Only accounts in use are in the map.
        assert_eq!(found.is_some(), expected.iter().sum::<usize>() > 0);
    }
    assert_eq!(permits.queued() as usize, model.queued());
}

fn run(steps: Vec<Step>) {
    let mut model = Model {
        all: limits(1, 2),
        ..Model::default()
    };
    let permits = Arc::new(Permits::new(
        model.all,
        MAX_QUEUED as u32,
        MAX_QUEUED_IN_TOTAL as u32,
    ));
    let mut requests: Vec<Request> = Vec::new();
    for (id, step) in steps.into_iter().enumerate() {
        match step {
            Step::Enter(account, read) => {
                let kind = if read { Kind::Read } else { Kind::Write };
                let lane = (account, kind);
                let expected = model.enter(lane, id);
                let name = Some(account.to_string().into());
                let entered = permits.ticket(name, kind, Release::OnHead, None);
                assert_eq!(
                    entered.as_ref().map_err(|full| full.queued()).err(),
                    expected.err()
                );
                if let Ok(ticket) = entered {
                    let wakes = Arc::default();
                    let mut request = Request {
                        id,
                        lane,
                        ticket,
                        wakes,
                    };
                    assert_eq!(Ok(request.poll()), expected);
                    requests.push(request);
                }
            }
            Step::Poll(index) if !requests.is_empty() => {
                let index = index % requests.len();
                let request = &mut requests[index];
                assert_eq!(request.poll(), model.is_held(request.id));
            }
            Step::Drop(index) if !requests.is_empty() => {
                let request = requests.swap_remove(index % requests.len());
                model.drop(request.lane, request.id);
            }
            Step::Poll(_) | Step::Drop(_) => {}
            Step::SetAll(writes, reads) => {
                model.all = limits(writes, reads);
                permits.set_defaults(model.all);
            }
            Step::SetOne(account, writes, reads) => {
                model.one.insert(account, limits(writes, reads));
                let own = Some(limits(writes, reads));
                permits.set_override(account.to_string().into(), own);
            }
            Step::RemoveOne(account) => {
                model.one.remove(&account);
                permits.set_override(account.to_string().into(), None);
            }
        }
        let granted = model.grant();
        for request in &requests {
            // One wake for a grant, none for anything else.
            let expected = usize::from(granted.contains(&request.id));
            assert_eq!(request.wakes.0.swap(0, Ordering::Relaxed), expected);
        }
        check(&permits, &mut model);
    }
    drop(requests);
    assert_eq!(permits.snapshot(), []);
    assert_eq!(permits.queued(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    #[test]
    fn the_permits_do_what_the_model_does(steps in prop::collection::vec(step(), 0..120)) {
        run(steps);
    }
}
