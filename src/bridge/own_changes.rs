//! What a change of our own makes of what is known, and what has to be looked at again.

use crate::clock::Now;
use crate::ids::AccountName;

use super::effect::{CloudCall, Effect};
use super::input::{CallError, ErrorClass, Reply};
use super::machine::Bridge;

/// The cloud has no such schedule (documented).
const NO_SUCH_SCHEDULE: u16 = 9030;

impl Bridge {
    /// A request that may have changed something is over.
    pub(super) fn after_change(
        &mut self,
        now: Now,
        name: &AccountName,
        call: &CloudCall,
        result: &Result<Reply, CallError>,
        out: &mut Vec<Effect>,
    ) {
        let may_be_done = match result {
            Ok(_) => true,
            Err(err) => {
                matches!(err.class, ErrorClass::Transient) || err.code == Some(NO_SUCH_SCHEDULE)
            }
        };
        let Some(account) = self.accounts.get_mut(name).filter(|_| may_be_done) else {
            return;
        };
        match (call, result) {
            (CloudCall::Unbind(_), Ok(Reply::Bound(bound))) => {
                account.list_at(now.mono);
                self.registry.prove_unbound(&bound.success, now.mono);
            }
            (CloudCall::Bind(_) | CloudCall::BindByMac(_) | CloudCall::Unbind(_), _) => {
                account.list_at(now.mono);
            }
            (CloudCall::AddSchedule(plan), result) => {
                if let Ok(Reply::ScheduleAdded { id }) = result {
                    account.schedules.add(now, id.clone(), (**plan).clone());
                }
                account.schedules.changed(now.mono);
                self.publish_schedules_of(name, out);
            }
            (CloudCall::RemoveSchedule(id), result) => {
                let is_gone = result
                    .as_ref()
                    .err()
                    .is_none_or(|err| err.code == Some(NO_SUCH_SCHEDULE));
                if is_gone {
                    account.schedules.remove(now, id);
                }
                account.schedules.changed(now.mono);
                self.publish_schedules_of(name, out);
            }
            (_, _) => {}
        }
    }
}
