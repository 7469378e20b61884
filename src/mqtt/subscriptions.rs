//! What a link has subscribed to, and what the broker refuses of it. Pure.

use std::collections::{BTreeMap, VecDeque};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Not with the link yet.
    wanted: VecDeque<Vec<String>>,
    /// With the link, which has not given them a packet id yet; oldest first.
    handed: VecDeque<Vec<String>>,
    /// On the wire, by packet id.
    asked: BTreeMap<u16, Vec<String>>,
    /// Filters that the broker refused, with its reason.
    refused: BTreeMap<String, String>,
}

impl Subscriptions {
    /// Asks for more.
    pub(super) fn want(&mut self, filters: Vec<String>) {
        self.wanted.push_back(filters);
    }

    /// What the link is to ask for next.
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        let filters = self.wanted.pop_front()?;
        self.handed.push_back(filters.clone());
        Some(filters)
    }

    /// The oldest that the link has went on the wire under this packet id.
    pub(super) fn written(&mut self, packet_id: u16) {
        if let Some(filters) = self.handed.pop_front() {
            self.asked.insert(packet_id, filters);
        }
    }

    /// The broker answered each filter: `None` grants it, a reason refuses it. True when that changes
    /// what is refused.
    pub(super) fn answered(&mut self, packet_id: u16, reasons: Vec<Option<String>>) -> bool {
        let before = self.refused.clone();
        let filters = self.asked.remove(&packet_id).unwrap_or_default();
        for (filter, reason) in filters.into_iter().zip(reasons) {
            match reason {
                Some(reason) => self.refused.insert(filter, reason),
                None => self.refused.remove(&filter),
            };
        }
        self.refused != before
    }

    /// What is refused, with the broker's reason.
    pub(super) const fn refused(&self) -> &BTreeMap<String, String> {
        &self.refused
    }

    /// Asks once more for what is refused.
    pub(super) fn try_again(&mut self) {
        let refused: Vec<String> = self.refused.keys().cloned().collect();
        if !refused.is_empty() {
            self.want(refused);
        }
    }

    /// The link is gone, and all subscriptions with it.
    pub(super) fn down(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_filter_is_known_by_name_and_asked_for_again() {
        let mut of = Subscriptions::default();
        of.want(vec!["b/+/set".into(), "b/+/get".into()]);
        of.want(vec!["ha/status".into()]);
        assert_eq!(of.next().unwrap().len(), 2);
        assert_eq!(of.next().unwrap(), ["ha/status"]);
        assert_eq!(of.next(), None);
        of.written(7);
        of.written(9);
        // Answers may come in any order.
        assert!(!of.answered(9, vec![None]));
        let no = || Some("NotAuthorized".to_owned());
        assert!(of.answered(7, vec![None, no()]));
        assert_eq!(of.refused().keys().collect::<Vec<_>>(), ["b/+/get"]);
        of.try_again();
        assert_eq!(of.next().unwrap(), ["b/+/get"]);
        of.written(10);
        assert!(!of.answered(10, vec![no()]), "refused again is no news");
        of.try_again();
        of.next();
        of.written(11);
        assert!(of.answered(11, vec![None]));
        of.try_again();
        assert_eq!((of.refused().len(), of.next()), (0, None));
    }

    #[test]
    fn an_answer_to_nothing_changes_nothing() {
        let mut of = Subscriptions::default();
        assert!(!of.answered(1, vec![Some("x".into())]));
        of.want(vec!["a".into()]);
        of.down();
        assert_eq!(of.next(), None);
    }
}
