//! Names of things, each a type of its own so that a did can never stand where a product key belongs.
//!
//! Every constructor checks what the cloud promises (see `docs/CLOUD.md`) no more strictly than real
//! answers allow: an odd id must not cost a user the device. Clones share one allocation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not valid: {reason}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
    reason: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text: not empty, not longer than the bound, no control characters.
            ///
            /// # Errors
            /// [`InvalidId`] names the rule that was broken.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                match check(&text, $max) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(reason) => Err(InvalidId { kind: $kind, text: shorten(&text), reason }),
                }
            }

            /// The text as the cloud spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

/// The text may be anything that a stranger sent.
fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn check(text: &str, max_chars: usize) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.chars().count() > max_chars {
        return Err("it is too long");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds control characters");
    }
    Ok(())
}

id_type! {
    /// A device id: 22 letters and digits in practice; it names the device for ever.
    Did, "did", 64
}
id_type! {
    /// A product key: 32 hex digits in practice; it names the schema.
    ProductKey, "product_key", 64
}
id_type! {
    /// The name of one datapoint as the cloud spells it, case included.
    AttrName, "attribute name", 255
}
id_type! {
    /// The name a user gave an account in the configuration.
    AccountName, "account name", 64
}
id_type! {
    /// A mac: 12 hex digits, or a text such as `virtual:site` (documented).
    Mac, "mac", 64
}

id_type! {
    /// A schedule's id, as the cloud gave it.
    ScheduleId, "schedule id", 64
}

/// Pairs a call that the core asked for with its outcome; never used twice in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names one connection to a push endpoint, from its opening to its end; never used twice in one run,
/// so that nothing an old connection said last is taken for its successor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Did {
    /// Which of `count` instances that share the devices serves this one.
    ///
    /// Rendezvous hashing: each instance has a weight for the device, and the heaviest serves it. So
    /// another instance takes devices only from others to itself, and of each its share. The weights
    /// are fixed by definition (FNV-1a of the did, mixed with the index by `SplitMix64`), so that
    /// instances of different versions agree.
    #[must_use]
    pub fn shard(&self, count: u32) -> u32 {
        let hash = self
            .0
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        let weight = |index: u32| {
            let step = u64::from(index).wrapping_add(1);
            split_mix(hash.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        };
        (0..count).max_by_key(|index| weight(*index)).unwrap_or(0)
    }
}

/// The finalizer of `SplitMix64`.
const fn split_mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_empty_long_and_control_text() {
        assert!(Did::new("").is_err());
        assert!(Did::new("x".repeat(65)).is_err());
        let long = Did::new("ü".repeat(100_000)).unwrap_err().to_string();
        assert!(long.chars().count() < 150, "{long}");
        assert!(Did::new("a\nb").is_err());
        assert_eq!(
            Did::new("QP50gPt5I8h4mFKIo0ENIK").unwrap().as_str(),
            "QP50gPt5I8h4mFKIo0ENIK"
        );
        assert!(Mac::new("virtual:site").is_ok());
    }

    #[test]
    fn one_more_instance_takes_its_share_and_moves_nothing_else() {
        let dids: Vec<Did> = (0..10_000)
            .map(|n| Did::new(format!("QP50gPt5I8h4mFKI{n:06}")).unwrap())
            .collect();
        for count in [1, 2, 3, 7] {
            let mut moved = 0;
            for did in &dids {
                let (before, after) = (did.shard(count), did.shard(count + 1));
                assert!(before < count);
                if after != before {
                    assert_eq!(
                        after, count,
                        "{did} moves between instances that were there"
                    );
                    moved += 1;
                }
            }
            let share = dids.len() / usize::try_from(count + 1).unwrap();
            assert!(
                moved > share * 9 / 10 && moved < share * 11 / 10,
                "{moved} of {share} moved to instance {count}"
            );
        }
    }

    #[test]
    fn the_shard_of_a_did_is_the_same_in_every_version() {
        let of = |text: &str| Did::new(text).unwrap().shard(5);
        let dids = [
            "DemoSpa0000000000000001",
            "DemoWave00000000000004",
            "DemoMeter0000000000005",
            "DemoPets00000000000007",
        ];
        assert_eq!(dids.map(of), [3, 0, 4, 1]);
    }
}
