//! Shows a picture in terminals that can: by kitty's protocol, or by that of iTerm2.

use std::io::IsTerminal as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::cli::output::Output;

/// Kitty wants no more at once (documented).
const CHUNK: usize = 4_096;
/// A captcha has a few kB; a terminal that is sent more hangs for long.
const MAX_BYTES: usize = 512 * 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What a terminal understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// PNG only.
    Kitty,
    /// Whatever the system can show.
    Iterm,
}

/// Shows it beside the result, or does nothing.
pub(super) fn show(picture: &[u8], output: &Output) {
    if !std::io::stderr().is_terminal() || output.is_json() || picture.len() > MAX_BYTES {
        return;
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if let Some(sequence) = protocol(variable).and_then(|protocol| encode(protocol, picture)) {
        output.aside(&sequence);
    }
}

/// By what terminals say of themselves; a multiplexer in between swallows pictures.
fn protocol(variable: impl Fn(&str) -> String) -> Option<Protocol> {
    if !variable("TMUX").is_empty() || !variable("STY").is_empty() {
        return None;
    }
    let (term, program) = (variable("TERM"), variable("TERM_PROGRAM"));
    if term == "xterm-kitty" || term == "xterm-ghostty" || !variable("KITTY_WINDOW_ID").is_empty() {
        return Some(Protocol::Kitty);
    }
    match program.as_str() {
        "ghostty" => Some(Protocol::Kitty),
        "iTerm.app" | "WezTerm" | "mintty" => Some(Protocol::Iterm),
        _ => None,
    }
}

fn encode(protocol: Protocol, picture: &[u8]) -> Option<String> {
    let text = BASE64_STANDARD.encode(picture);
    match protocol {
        Protocol::Kitty if !picture.starts_with(PNG) => None,
        Protocol::Kitty => {
            let mut sequence = String::new();
            let mut rest = text.as_str();
            let mut head = "a=T,f=100,q=2,";
            while let Some((chunk, more)) = rest.split_at_checked(CHUNK.min(rest.len())) {
                let has_more = u8::from(!more.is_empty());
                sequence.push_str(&format!("\x1b_G{head}m={has_more};{chunk}\x1b\\"));
                (rest, head) = (more, "");
                if more.is_empty() {
                    break;
                }
            }
            sequence.push('\n');
            Some(sequence)
        }
        Protocol::Iterm => Some(format!(
            "\x1b]1337;File=inline=1;size={};preserveAspectRatio=1:{text}\x07\n",
            picture.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_what_they_say() {
        for (name, value, want) in [
            ("TERM", "xterm-kitty", Some(Protocol::Kitty)),
            ("KITTY_WINDOW_ID", "1", Some(Protocol::Kitty)),
            ("TERM_PROGRAM", "ghostty", Some(Protocol::Kitty)),
            ("TERM_PROGRAM", "iTerm.app", Some(Protocol::Iterm)),
            ("TERM_PROGRAM", "WezTerm", Some(Protocol::Iterm)),
            ("TERM", "xterm-256color", None),
        ] {
            let variable = |asked: &str| {
                if asked == name {
                    value.to_owned()
                } else {
                    String::new()
                }
            };
            assert_eq!(protocol(variable), want, "{name}={value}");
        }
        let in_tmux = |asked: &str| match asked {
            "TERM" => "xterm-kitty".to_owned(),
            "TMUX" => "/tmp/x".to_owned(),
            _ => String::new(),
        };
        assert_eq!(protocol(in_tmux), None);
    }

    #[test]
    fn kitty_gets_png_in_pieces_and_nothing_else() {
        let mut picture = PNG.to_vec();
        picture.resize(10_000, 7);
        let sequence = encode(Protocol::Kitty, &picture).unwrap();
        let pieces: Vec<&str> = sequence
            .trim_end()
            .split("\x1b\\")
            .filter(|piece| !piece.is_empty())
            .collect();
        assert_eq!(pieces.len(), 4);
        assert!(pieces[0].starts_with("\x1b_Ga=T,f=100,q=2,m=1;"));
        assert!(pieces[3].starts_with("\x1b_Gm=0;"));
        assert_eq!(encode(Protocol::Kitty, b"GIF89a"), None);
        assert!(
            encode(Protocol::Iterm, b"GIF89a")
                .unwrap()
                .contains("size=6;")
        );
    }
}
