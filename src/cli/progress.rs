//! Says on a terminal what is waited for, when it takes over a second.

use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

const FRAME: Duration = Duration::from_millis(250);
/// Whoever sees an answer within a second needs no explanation.
const PATIENCE_FRAMES: usize = 4;
const FRAMES: [char; 4] = ['|', '/', '-', '\\'];

/// What the command is doing. Clones are one.
#[derive(Debug, Clone)]
pub(super) struct Progress(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    is_wanted: bool,
    doing: String,
    is_shown: bool,
    /// Questions that a person answers meanwhile.
    pauses: usize,
}

/// While it lives nothing is shown: a person is being asked.
pub(super) struct Pause(Progress);

/// Takes the line back, however the work ends.
struct Line<'a>(&'a Progress);

impl Progress {
    /// Silent where stderr is no terminal.
    pub(super) fn new(is_wanted: bool) -> Self {
        Self(Rc::new(RefCell::new(State {
            is_wanted: is_wanted && std::io::stderr().is_terminal(),
            doing: "working".to_owned(),
            is_shown: false,
            pauses: 0,
        })))
    }

    /// What happens from now on, as in "logging in".
    pub(super) fn doing(&self, what: impl Into<String>) {
        self.0.borrow_mut().doing = what.into();
    }

    /// Shows what `work` is doing while it takes its time.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let _line = Line(self);
        let mut work = std::pin::pin!(work);
        let patience = std::iter::repeat_n(None, PATIENCE_FRAMES);
        let mut turn = patience.chain(FRAMES.into_iter().map(Some).cycle());
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = frames.tick() => {
                    if let Some(Some(frame)) = turn.next() {
                        self.show(frame);
                    }
                }
            }
        }
    }

    /// Makes room for a question.
    pub(super) fn pause(&self) -> Pause {
        self.hide();
        self.0.borrow_mut().pauses += 1;
        Pause(self.clone())
    }

    /// Takes the line back; it comes again with the next frame.
    pub(super) fn hide(&self) {
        let was_shown = std::mem::take(&mut self.0.borrow_mut().is_shown);
        if was_shown {
            write("\r\x1b[K");
        }
    }

    fn show(&self, frame: char) {
        let mut state = self.0.borrow_mut();
        if state.is_wanted && state.pauses == 0 {
            state.is_shown = true;
            write(&format!("\r\x1b[K{frame} {} …", state.doing));
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.0.borrow_mut().pauses -= 1;
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.hide();
    }
}

fn write(text: &str) {
    let mut stderr = std::io::stderr();
    // Who cannot see it misses nothing.
    drop(
        stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush()),
    );
}
