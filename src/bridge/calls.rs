//! What waits for the gate, in order of priority. A job that waits already is not queued twice.

use std::collections::BTreeMap;

use crate::ids::{Did, ProductKey, ScheduleId};

use super::requests::RequestId;

/// Something to ask the cloud for. What a command sends is decided when it leaves, so that commands
/// that wait can merge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Log in in the account's current region.
    Login,
    /// The next command of a device.
    Command(Did),
    /// The first or the next page of the bindings.
    Bindings {
        /// Rows that earlier pages had.
        skip: u32,
    },
    /// The datapoints of a product.
    Schema(ProductKey),
    /// A device's last report.
    Latest(Did),
    /// What a request asks for.
    Request {
        /// Which.
        id: RequestId,
        /// Sent twice, it might be done twice.
        changes: bool,
    },
    /// The first or the next page of the schedules.
    Schedules {
        /// Rows that earlier pages had.
        skip: u32,
    },
    /// The last run of a schedule.
    ScheduleLog(ScheduleId),
}

impl Job {
    /// Nobody knows what would come of sending it a second time.
    pub(super) const fn changes_something(&self) -> bool {
        match self {
            Self::Command(_) => true,
            Self::Request { changes, .. } => *changes,
            Self::Login
            | Self::Bindings { .. }
            | Self::Schema(_)
            | Self::Latest(_)
            | Self::Schedules { .. }
            | Self::ScheduleLog(_) => false,
        }
    }
}

/// Smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// A person waits for the effect.
    Command,
    /// A person waits for the answer.
    Asked,
    /// A device that has no values, or older ones than it should have.
    Stale,
    /// The devices must be known before they can be polled.
    Inventory,
    /// The regular round.
    Poll,
}

/// A job with what is known of earlier tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) job: Job,
    pub(super) priority: Priority,
    /// It came back unsent or throttled, so it waits for the gate like everybody.
    pub(super) retried: bool,
    /// It was refused for its token once; a second time is final.
    pub(super) replayed: bool,
}

impl Waiting {
    pub(super) const fn new(job: Job, priority: Priority) -> Self {
        Self {
            job,
            priority,
            retried: false,
            replayed: false,
        }
    }
}

/// After so many calls that overtook an older one, below the commands, the eldest goes: whoever waits
/// has its turn in the end, however many others are more urgent.
pub(super) const PATIENCE: u32 = 4;

/// Where a job waits: by priority, then in order.
pub(super) type Place = (Priority, u64);

#[derive(Debug)]
struct Queued {
    waiting: Waiting,
    /// Of when it came; moving up leaves that.
    age: u64,
}

/// See the module. Bounded by nature: one entry for each device, schedule or request, and kind.
#[derive(Debug)]
pub(super) struct CallQueue {
    order: BTreeMap<Place, Queued>,
    index: BTreeMap<Job, Place>,
    next: u64,
    overtaken: u32,
}

impl Default for CallQueue {
    fn default() -> Self {
        Self {
            order: BTreeMap::new(),
            index: BTreeMap::new(),
            // As many can come to the front as to the end.
            next: u64::MAX / 2,
            overtaken: 0,
        }
    }
}

impl CallQueue {
    /// Queues behind those of the same priority; a job that waits already moves up if need be.
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.next += 1;
        self.insert(self.next, waiting);
    }

    /// Queues a job that came back in front of those of its priority.
    pub(super) fn push_front(&mut self, waiting: Waiting) {
        self.next += 1;
        let first = self.order.range((waiting.priority, 0)..).next();
        let place = match first {
            Some(((priority, place), _)) if *priority == waiting.priority => {
                place.saturating_sub(1)
            }
            _ => self.next,
        };
        self.insert(place, waiting);
    }

    fn insert(&mut self, place: u64, waiting: Waiting) {
        let key = (waiting.priority, place);
        let mut age = self.next;
        if let Some(earlier) = self.index.get(&waiting.job) {
            if *earlier <= key {
                return;
            }
            age = self.order.remove(earlier).map_or(age, |known| known.age);
        }
        self.index.insert(waiting.job.clone(), key);
        self.order.insert(key, Queued { waiting, age });
    }

    /// The most urgent one.
    pub(super) fn first(&self) -> Option<(Place, &Waiting)> {
        let (place, queued) = self.order.first_key_value()?;
        Some((*place, &queued.waiting))
    }

    /// The first command that was not tried yet.
    pub(super) fn fresh_command(&self) -> Option<Place> {
        let commands = self.order.range(..(Priority::Asked, 0));
        let mut fresh = commands.filter(|(_, queued)| !queued.waiting.retried);
        fresh.next().map(|(place, _)| *place)
    }

    /// Whose turn it is: the most urgent one's, or once in a while the eldest's.
    pub(super) fn turn(&self) -> Option<Place> {
        let (first, _) = self.first()?;
        if first.0 == Priority::Command || self.overtaken < PATIENCE {
            return Some(first);
        }
        self.eldest()
    }

    fn eldest(&self) -> Option<Place> {
        let others = self.order.range((Priority::Asked, 0)..);
        let eldest = others.min_by_key(|(_, queued)| queued.age);
        eldest.map(|(place, _)| *place)
    }

    /// Takes out what waits there.
    pub(super) fn take(&mut self, place: Place) -> Option<Waiting> {
        if place.0 != Priority::Command {
            let overtakes = self.eldest() != Some(place);
            self.overtaken = if overtakes { self.overtaken + 1 } else { 0 };
        }
        let queued = self.order.remove(&place)?;
        self.index.remove(&queued.waiting.job);
        Some(queued.waiting)
    }

    /// Forgets what a predicate does not want kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.order.retain(|_, queued| keep(&queued.waiting.job));
        self.index.retain(|job, _| keep(job));
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(did: &str, priority: Priority) -> Waiting {
        Waiting::new(Job::Latest(Did::new(did).unwrap()), priority)
    }

    fn pop(queue: &mut CallQueue) -> Option<Waiting> {
        queue.turn().and_then(|place| queue.take(place))
    }

    fn order(queue: &mut CallQueue) -> Vec<String> {
        std::iter::from_fn(|| pop(queue))
            .map(|w| format!("{:?}", w.job))
            .collect()
    }

    #[test]
    fn commands_overtake_polls_and_equals_keep_their_order() {
        let mut queue = CallQueue::default();
        queue.push(latest("a", Priority::Poll));
        queue.push(latest("b", Priority::Poll));
        queue.push(Waiting::new(
            Job::Command(Did::new("b").unwrap()),
            Priority::Command,
        ));
        assert_eq!(
            order(&mut queue),
            ["Command(\"b\")", "Latest(\"a\")", "Latest(\"b\")"]
        );
    }

    #[test]
    fn a_job_waits_once_and_moves_up_when_it_becomes_urgent() {
        let mut queue = CallQueue::default();
        queue.push(latest("a", Priority::Poll));
        queue.push(latest("b", Priority::Poll));
        queue.push(latest("b", Priority::Asked));
        queue.push(latest("b", Priority::Poll));
        assert_eq!(queue.len(), 2);
        assert_eq!(order(&mut queue), ["Latest(\"b\")", "Latest(\"a\")"]);
    }

    #[test]
    fn what_came_back_is_first_of_its_priority() {
        let mut queue = CallQueue::default();
        queue.push(latest("a", Priority::Poll));
        queue.push(latest("b", Priority::Poll));
        let first = pop(&mut queue).unwrap();
        queue.push_front(first);
        assert_eq!(order(&mut queue), ["Latest(\"a\")", "Latest(\"b\")"]);
    }

    #[test]
    fn the_rest_has_its_turn_however_many_are_more_urgent() {
        let mut queue = CallQueue::default();
        queue.push(latest("old", Priority::Poll));
        for n in 0..20 {
            queue.push(latest(&format!("s{n}"), Priority::Stale));
        }
        let mut taken = (0..10).map(|n| {
            queue.push(latest(&format!("t{n}"), Priority::Stale));
            pop(&mut queue).unwrap().job
        });
        let old = Job::Latest(Did::new("old").unwrap());
        assert_eq!(taken.position(|job| job == old), Some(4));
    }

    #[test]
    fn commands_never_yield_their_turn() {
        let mut queue = CallQueue::default();
        queue.push(latest("old", Priority::Poll));
        for n in 0..20 {
            queue.push(latest(&format!("s{n}"), Priority::Stale));
        }
        for _ in 0..PATIENCE {
            pop(&mut queue).unwrap();
        }
        let command = Job::Command(Did::new("c").unwrap());
        queue.push(Waiting::new(command.clone(), Priority::Command));
        assert_eq!(pop(&mut queue).unwrap().job, command);
    }

    #[test]
    fn a_fresh_command_is_found_behind_one_that_came_back() {
        let mut queue = CallQueue::default();
        let command = |did: &str, retried| Waiting {
            retried,
            ..Waiting::new(Job::Command(Did::new(did).unwrap()), Priority::Command)
        };
        queue.push(command("a", true));
        assert_eq!(queue.fresh_command(), None);
        queue.push(latest("p", Priority::Poll));
        queue.push(command("b", false));
        let fresh = queue.fresh_command().unwrap();
        assert_eq!(queue.take(fresh), Some(command("b", false)));
    }
}
