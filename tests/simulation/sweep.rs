//! Many lives, each from a seed, on all cores at once. What breaks a law is made as short as it can be and
//! shown with the way to repeat it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::core::Bug;
use super::laws::Broken;
use super::life::{Sum, live};
use super::plan::Plan;

/// Lives in one run of the test, each of a day. Optimized as in `just lives` a thousand take five minutes on two
/// cores; built for debugging, eight times as long.
const LIVES: u64 = if cfg!(debug_assertions) { 40 } else { 1_000 };
/// A bug that is put in must be found within so many.
const BUG_SEEDS: u64 = 400;
/// A plan is shortened in so many tries.
const TRIES: u32 = if cfg!(debug_assertions) { 40 } else { 300 };

/// One life; `Err` says which law it broke.
pub(crate) fn attempt(plan: &Plan, bug: Option<Bug>, is_traced: bool) -> Result<Sum, Broken> {
    catch_unwind(AssertUnwindSafe(|| live(plan, bug, is_traced))).map_err(|payload| {
        let words = payload.downcast_ref::<String>().cloned();
        let words = words.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        match payload.downcast::<Broken>() {
            Ok(broken) => *broken,
            Err(_) => Broken {
                law: "no panic",
                what: words.unwrap_or_default(),
                at: Duration::ZERO,
                trace: Vec::new(),
            },
        }
    })
}

/// Leaves out what is not needed to break the same law.
pub(crate) fn shorten(plan: &Plan, bug: Option<Bug>, law: &str) -> Plan {
    let mut best = plan.clone();
    let mut tries = 0;
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < best.steps.len() && tries < TRIES {
            let mut less = best.clone();
            less.steps.drain(at..(at + size).min(best.steps.len()));
            tries += 1;
            if attempt(&less, bug, false).is_err_and(|broken| broken.law == law) {
                best = less;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    best
}

/// What to print of a life that broke a law.
fn told(seed: u64, bug: Option<Bug>, broken: &Broken) -> String {
    let plan = shorten(&Plan::of(seed), bug, broken.law);
    let again = attempt(&plan, bug, true).err();
    let broken = again.as_ref().unwrap_or(broken);
    format!(
        "{}\n{}seed {seed} breaks the law \"{}\" at {:.3} s: {}\n\
         SEED={seed} cargo test --locked --test simulation -- a_life_of_trouble --nocapture\n",
        broken.trace.join("\n"),
        plan.show(),
        broken.law,
        broken.at.as_secs_f64(),
        broken.what
    )
}

/// `SEED=n`, `SEEDS=first..last` (which are all lived, whatever breaks), else as many as fit.
fn seeds() -> Range<u64> {
    if let Ok(seed) = std::env::var("SEED") {
        let seed = seed.parse().unwrap();
        return seed..seed + 1;
    }
    let Ok(seeds) = std::env::var("SEEDS") else {
        return 1..LIVES + 1;
    };
    let (first, last) = seeds.split_once("..").expect("SEEDS=first..last");
    first.parse().unwrap()..last.parse().unwrap()
}

/// What many lives came to: all in all, and by law the first that broke it and how many did.
#[derive(Default)]
struct Swept {
    sum: Sum,
    broken: BTreeMap<&'static str, (u64, u64, Option<Broken>)>,
}

impl Swept {
    fn take(&mut self, seed: u64, outcome: Result<Sum, Broken>) {
        match outcome {
            Ok(life) => {
                self.sum.virtual_s += life.virtual_s;
                self.sum.calls += life.calls;
                self.sum.commands += life.commands;
                self.sum.lives += life.lives;
            }
            Err(broken) => {
                let (first, count, kept) =
                    self.broken.entry(broken.law).or_insert((u64::MAX, 0, None));
                *count += 1;
                if seed < *first {
                    (*first, *kept) = (seed, Some(broken));
                }
            }
        }
    }
}

/// Lives on all cores. When one has broken a law that `ends` it, those that follow are left out.
fn sweep(seeds: &Range<u64>, bug: Option<Bug>, ends: impl Fn(&str) -> bool + Sync) -> Swept {
    let (next, is_over) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let swept = Mutex::new(Swept::default());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let outcome = attempt(&Plan::of(seed), bug, false);
                    let ends = outcome.as_ref().is_err_and(|broken| ends(broken.law));
                    is_over.fetch_or(ends, Ordering::Relaxed);
                    swept.lock().unwrap().take(seed, outcome);
                }
            });
        }
    });
    swept.into_inner().unwrap()
}

#[test]
fn a_life_of_trouble_ends_in_the_truth() {
    let seeds = seeds();
    let is_all = std::env::var_os("SEEDS").is_some();
    let swept = sweep(&seeds, None, |_| !is_all);
    let sum = swept.sum;
    eprintln!(
        "{} seeds: {} days, {} calls, {} commands, {} starts",
        seeds.end - seeds.start,
        sum.virtual_s / 86_400,
        sum.calls,
        sum.commands,
        sum.lives
    );
    let mut report = String::new();
    for (law, (seed, count, broken)) in &swept.broken {
        let what = broken.as_ref().map(|broken| broken.what.as_str());
        eprintln!(
            "\"{law}\" {count} times, first by seed {seed}: {}",
            what.unwrap_or_default()
        );
    }
    for (law, (seed, count, broken)) in &swept.broken {
        if let Some(broken) = broken {
            report += &format!("{}\n\"{law}\" {count} times\n", told(*seed, None, broken));
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// Each bug that is put in on purpose is found, and by a law that is about it.
#[test]
fn bugs_that_are_put_in_are_found() {
    for (bug, laws) in [
        // A deadline that is missed is seen as such, or by what then happens late.
        (
            Bug::LostWakeUp,
            ["lost wake-up", "after its deadline"].as_slice(),
        ),
        (Bug::StaleOverwrite, &["backward"]),
        (Bug::DoubledCommand, &["applied twice"]),
        (Bug::RepeatedPress, &["momentary"]),
        (Bug::EmptiedForAnother, &["emptied"]),
    ] {
        let swept = sweep(&(1..BUG_SEEDS), Some(bug), |law| laws.contains(&law));
        let found = laws
            .iter()
            .find_map(|law| Some((law, swept.broken.get(law)?)));
        let (law, (seed, _, broken)) = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
        let what = &broken.as_ref().unwrap().what;
        eprintln!("{bug:?}: seed {seed} breaks the law \"{law}\": {what}");
    }
}
