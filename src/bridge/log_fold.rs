//! A flood of lines of one kind: the first few of a minute are logged, and the rest as a number.

use std::time::Duration;

/// Lines of a minute.
const MAX_LINES: u32 = 10;
/// The minute.
const WINDOW: Duration = Duration::from_secs(60);

/// How many lines of one kind were logged in this minute, and how many were not.
#[derive(Debug, Default)]
pub(super) struct LogFold {
    logged: u32,
    left_out: u64,
    /// `None` while nothing was logged.
    ends: Option<Duration>,
}

impl LogFold {
    /// True when the next line is to be logged.
    pub(super) const fn may_log(&mut self) -> bool {
        if self.logged < MAX_LINES {
            self.logged += 1;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// Ends a minute that is over; answers with how many lines it left out, if any.
    pub(super) fn roll(&mut self, now: Duration) -> Option<u64> {
        if self.logged == 0 {
            return None;
        }
        let ends = *self.ends.get_or_insert(now + WINDOW);
        if now < ends {
            return None;
        }
        let left_out = self.left_out;
        *self = Self::default();
        (left_out > 0).then_some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_ten_lines_and_a_number_a_minute() {
        let mut fold = LogFold::default();
        let (mut lines, mut numbers) = (0, Vec::new());
        for ms in 0..180_000 {
            numbers.extend(fold.roll(Duration::from_millis(ms)));
            lines += u32::from(fold.may_log());
        }
        assert_eq!((lines, numbers.len()), (30, 2), "{numbers:?}");
        let left_out: u64 = numbers.iter().sum();
        assert!(left_out > 119_900, "{numbers:?}");
    }

    #[test]
    fn what_comes_now_and_then_is_logged_each_time() {
        let mut fold = LogFold::default();
        for minute in 0..100 {
            assert_eq!(fold.roll(Duration::from_secs(minute * 61)), None);
            assert!(fold.may_log());
        }
    }
}
