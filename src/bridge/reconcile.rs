//! Which values of a report are believed, and which have to wait for a second look.
//!
//! Reports come over two ways and out of order: a poll may have been asked before a push came, the
//! cloud's image lags behind the device, and an echo of the old value may follow a command that was
//! seen to work. Nothing is held for longer than [`HOLD`]: what the device really says is shown at
//! last. See `docs/decisions/0015-late-reports-and-one-repeat.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs};

use super::intent::Standing;

/// So far may the cloud's image of a device lag behind the device (seen).
const LAG: Duration = Duration::from_secs(10);
/// A poll that contradicts a push, with an image that is not newer than what was polled before the
/// push, is believed after this: the push that explains it may have been lost.
const HOLD: Duration = Duration::from_secs(15);
/// After a command was seen to work, the value from before is taken for an echo for so long.
const ECHO: Duration = Duration::from_secs(10);
/// No answer takes longer, so a mark of a push older than this stops nobody.
const LONGEST_CALL: Duration = Duration::from_secs(120);

/// How a report came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the device, just now.
    Push,
    /// From the cloud's image of it.
    Poll {
        /// When the call left.
        asked_at: Duration,
        /// When the image was made: Unix seconds of the cloud's clock, comparable only with each
        /// other; 0: never.
        updated_at: i64,
    },
}

/// A push named the attribute.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Duration,
    /// `updated_at` of the newest poll before it.
    image: Option<i64>,
}

/// A command changed the attribute.
#[derive(Debug)]
struct Echo {
    /// `None`: nothing was known, so any other value may be from before.
    before: Option<AttrValue>,
    until: Duration,
}

/// What is remembered of one device's reports; sparse, since there are thousands of devices.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    /// When the newest poll was asked, and its `updated_at`.
    polled: Option<(Duration, i64)>,
    /// Polls show an older image than before since then.
    backwards_since: Option<Duration>,
    /// The last push that named every attribute.
    whole: Option<Mark>,
    /// Later pushes that named some.
    parts: BTreeMap<AttrName, Mark>,
    echoes: BTreeMap<AttrName, Echo>,
}

/// A report, sorted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sorted {
    /// To be shown.
    pub(super) believed: Attrs,
    /// Of these nothing is known by this report.
    pub(super) held: BTreeSet<AttrName>,
    /// Some of them may be true after all: when to look again.
    pub(super) look_at: Option<Duration>,
    /// It names all that is shown.
    pub(super) is_whole: bool,
    /// The whole report counts for nothing.
    pub(super) is_old: bool,
}

impl Reconciler {
    /// Sorts a report of a device that is shown as `shown`. `standing` says what the newest command that
    /// names an attribute makes of a value: only its own effect leaves an echo behind, and what it wants
    /// is never taken for one.
    pub(super) fn sort(
        &mut self,
        now: Duration,
        origin: Origin,
        shown: &Attrs,
        report: Attrs,
        standing: impl Fn(&AttrName, &AttrValue) -> Standing,
    ) -> Sorted {
        self.forget_old(now);
        let mut sorted = Sorted::default();
        if let Origin::Poll {
            asked_at,
            updated_at,
        } = origin
        {
            match self.take_image(now, asked_at, updated_at) {
                Image::Newest => {}
                Image::Overtaken => {
                    sorted.is_old = true;
                    return sorted;
                }
                Image::Backwards { until } => {
                    sorted.is_old = true;
                    sorted.look_at = Some(until);
                    return sorted;
                }
            }
        }
        sorted.is_whole = shown
            .iter()
            .all(|(name, _)| report.get(name.as_str()).is_some());
        for (name, value) in report {
            let known = shown.get(name.as_str());
            if known != Some(&value) {
                let standing = standing(&name, &value);
                let is_echo = standing == Standing::Unwanted && self.is_echo(&name, &value, origin);
                match self.doubt(&name, is_echo, now, origin) {
                    Doubt::None => {}
                    Doubt::Old => {
                        sorted.held.insert(name);
                        continue;
                    }
                    Doubt::Until(until) => {
                        sorted.look_at = sorted.look_at.max(Some(until));
                        sorted.held.insert(name);
                        continue;
                    }
                }
                if standing == Standing::Effect {
                    let (before, until) = (known.cloned(), now + ECHO);
                    self.echoes.insert(name.clone(), Echo { before, until });
                }
            }
            sorted.believed.insert(name, value);
        }
        if origin == Origin::Push {
            self.mark(
                now,
                &sorted.believed,
                sorted.is_whole && sorted.held.is_empty(),
            );
        }
        sorted
    }

    /// A push named the attribute after this.
    pub(super) fn is_overtaken(&self, name: &AttrName, asked_at: Duration) -> bool {
        self.marked(name).is_some_and(|mark| asked_at < mark.at)
    }

    /// A new command for these: what was before an older one may be what it wants.
    pub(super) fn commanded<'a>(&mut self, names: impl Iterator<Item = &'a AttrName>) {
        for name in names {
            self.echoes.remove(name);
        }
    }

    fn take_image(&mut self, now: Duration, asked_at: Duration, updated_at: i64) -> Image {
        let Some((newest, image)) = self.polled else {
            self.polled = Some((asked_at, updated_at));
            return Image::Newest;
        };
        if asked_at < newest {
            return Image::Overtaken;
        }
        if updated_at < image {
            // One of several servers may be behind; or the cloud's clock was put right.
            let since = *self.backwards_since.get_or_insert(asked_at);
            if asked_at < since + HOLD {
                let until = (since + HOLD).max(now);
                return Image::Backwards { until };
            }
        }
        self.backwards_since = None;
        self.polled = Some((asked_at, updated_at));
        Image::Newest
    }

    /// Whether a value other than the shown one has to wait.
    fn doubt(&self, name: &AttrName, is_echo: bool, now: Duration, origin: Origin) -> Doubt {
        let mut until = Duration::ZERO;
        let asked_at = match origin {
            Origin::Push => now,
            Origin::Poll {
                asked_at,
                updated_at,
            } => {
                if let Some(mark) = self.marked(name) {
                    if asked_at < mark.at {
                        return Doubt::Old;
                    }
                    let is_old_image = mark.image.is_none_or(|image| updated_at <= image);
                    until = mark.at + if is_old_image { HOLD } else { LAG };
                }
                asked_at
            }
        };
        if let Some(echo) = self.echoes.get(name).filter(|_| is_echo) {
            until = until.max(echo.until);
        }
        if asked_at < until {
            Doubt::Until(until.max(now))
        } else {
            Doubt::None
        }
    }

    /// A value that no command wants, and that may be from before the last one that was done. The cloud
    /// may answer two polls that are under way in another order than they were asked, and then show what
    /// an older command wanted, which was never seen here.
    fn is_echo(&self, name: &AttrName, value: &AttrValue, origin: Origin) -> bool {
        let is_poll = origin != Origin::Push;
        let is_from_before =
            |echo: &Echo| is_poll || echo.before.as_ref().is_none_or(|before| before == value);
        self.echoes.get(name).is_some_and(is_from_before)
    }

    /// The newest push that named it.
    fn marked(&self, name: &AttrName) -> Option<Mark> {
        self.parts.get(name).copied().or(self.whole)
    }

    fn mark(&mut self, now: Duration, named: &Attrs, is_whole: bool) {
        let mark = Mark {
            at: now,
            image: self.polled.map(|(_, image)| image),
        };
        if is_whole {
            self.whole = Some(mark);
            self.parts.clear();
        } else {
            let named = named.iter().map(|(name, _)| (name.clone(), mark));
            self.parts.extend(named);
        }
    }

    fn forget_old(&mut self, now: Duration) {
        self.parts.retain(|_, mark| now < mark.at + LONGEST_CALL);
        self.echoes
            .retain(|_, echo| now < echo.until + LONGEST_CALL);
    }
}

enum Image {
    Newest,
    /// A poll that was asked later was here first.
    Overtaken,
    /// Older than what was polled before.
    Backwards {
        until: Duration,
    },
}

enum Doubt {
    None,
    /// A newer report is here.
    Old,
    /// It may be true: to be seen by what is asked for after this.
    Until(Duration),
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
