//! The terminal as it was, whatever ends the process while a password is typed.

/// From here on a signal that ends the process puts the terminal back first: a prompt for a secret
/// switches its echo off, and the shell that follows would stay without it.
#[cfg(unix)]
pub(super) fn restore_when_ended() {
    use crate::app::signals::{Signal, Signals};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return;
    };
    let (Ok(before), Ok(mut signals)) = (tcgetattr(&terminal), Signals::listen()) else {
        return;
    };
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
            // Where the terminal is gone, nothing has to be put back.
            tcsetattr(&terminal, OptionalActions::Now, &before).ok();
            // As the shell reports a process that a signal ended: 128 and the signal's number.
            match signal {
                Signal::Terminate => std::process::exit(128 + 15),
                Signal::Reload => std::process::exit(128 + 1),
                // The command itself ends with it.
                Signal::Interrupt => {}
            }
        }
    });
}

/// Elsewhere there are no such signals.
#[cfg(not(unix))]
pub(super) fn restore_when_ended() {}
