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

/// See the module. Bounded by nature: one entry for each device, schedule or request, and kind.
#[derive(Debug, Default)]
pub(super) struct CallQueue {
    order: BTreeMap<(Priority, u64), Waiting>,
    index: BTreeMap<Job, (Priority, u64)>,
    next: u64,
}

impl CallQueue {
    /// Queues behind those of the same priority; a job that waits already moves up if need be.
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.next += 1;
        self.insert(self.next, waiting);
    }

    /// Queues a job that came back in front of those of its priority.
    pub(super) fn push_front(&mut self, waiting: Waiting) {
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
        if let Some(earlier) = self.index.get(&waiting.job) {
            if *earlier <= key {
                return;
            }
            self.order.remove(earlier);
        }
        self.index.insert(waiting.job.clone(), key);
        self.order.insert(key, waiting);
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.order.values().next()
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let (_, waiting) = self.order.pop_first()?;
        self.index.remove(&waiting.job);
        Some(waiting)
    }

    /// Forgets what a predicate does not want kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.order.retain(|_, waiting| keep(&waiting.job));
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

    fn order(queue: &mut CallQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
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
        let first = queue.pop().unwrap();
        queue.push_front(first);
        assert_eq!(order(&mut queue), ["Latest(\"a\")", "Latest(\"b\")"]);
    }
}
