//! One call of the cloud, as a fact and as a proof.

use std::pin::Pin;

use gizwits2mqtt::bridge::CallError;

use super::stage::Stage;

pub(super) type Step<T> = for<'a> fn(&'a mut Stage) -> Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a call must show, which says how it can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// Nothing: anybody may ask.
    Nothing,
    /// The application id.
    App,
    /// The user's token, too.
    UserToken,
    /// The application's token, too.
    AppToken,
}

/// A way to be refused.
pub(super) struct Case {
    /// `None`: an answer without a code.
    pub(super) code: Option<u16>,
    /// When that happens: for the table.
    pub(super) when: &'static str,
    /// Makes the call fail.
    pub(super) provoke: Step<Result<(), CallError>>,
}

/// See the module.
pub(super) struct Row {
    /// As the document's order has it: 1 to 29; beyond it `+1`, ….
    pub(super) number: &'static str,
    pub(super) what: &'static str,
    /// Method and path; `{…}` stands for one segment.
    pub(super) request: &'static str,
    pub(super) shows: Shows,
    /// The function of `Api`, with its kind where it has several.
    pub(super) client: &'static str,
    /// Words and options of the command line.
    pub(super) command: &'static str,
    /// Command lines that make the call: the last one does. `{…}` stands for a note.
    pub(super) runs: &'static [&'static str],
    pub(super) status: u16,
    /// What the answer holds, as JSON pointers without their first slash.
    pub(super) answer: &'static [&'static str],
    /// Whatever must be there before.
    pub(super) arrange: Step<()>,
    /// The call, with good arguments.
    pub(super) act: Step<Result<(), CallError>>,
    /// What must be so afterwards.
    pub(super) check: Step<()>,
    /// Refusals of its own; those that [`Shows`] brings are tried for each call.
    pub(super) refusals: Vec<Case>,
}

/// A step: what is done, as a function of the stage.
macro_rules! step {
    (|$stage:ident| $body:expr) => {
        |$stage| Box::pin(async move { $body })
    };
}
pub(super) use step;

/// A step that does nothing.
pub(super) fn nothing(_: &mut Stage) -> Pin<Box<dyn Future<Output = ()> + '_>> {
    Box::pin(async {})
}

pub(super) fn refused(code: u16, when: &'static str, provoke: Step<Result<(), CallError>>) -> Case {
    Case {
        code: Some(code),
        when,
        provoke,
    }
}

/// A refusal that no code of the table tells.
pub(super) fn fails(when: &'static str, provoke: Step<Result<(), CallError>>) -> Case {
    Case {
        code: None,
        when,
        provoke,
    }
}
