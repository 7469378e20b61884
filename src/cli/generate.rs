//! `completions` and `man`: what can be made from the command tree itself.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use super::args::Args;
use super::output::Output;
use super::trouble::Trouble;

pub(super) const COMPLETIONS: &str = "\
Examples:
  gizwits2mqtt completions bash > ~/.local/share/bash-completion/completions/gizwits2mqtt
  gizwits2mqtt completions zsh > ~/.zfunc/_gizwits2mqtt        where ~/.zfunc is in $fpath
  gizwits2mqtt completions fish > ~/.config/fish/completions/gizwits2mqtt.fish";

pub(super) const MAN: &str = "\
Examples:
  gizwits2mqtt man | man -l -                                  read it
  gizwits2mqtt man --out ~/.local/share/man/man1               install it, then: man gizwits2mqtt-schedules-add";

pub(super) fn completions(shell: Shell, output: &Output) -> Result<(), Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "gizwits2mqtt", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.text(
        &json!({ "shell": shell.to_string(), "script": script }),
        &script,
    )
}

pub(super) fn man(out: Option<PathBuf>, output: &Output) -> Result<(), Trouble> {
    let Some(out) = out else {
        let mut page = Vec::new();
        let written = clap_mangen::Man::new(Args::command()).render(&mut page);
        written.map_err(|err| Trouble::failed(err.to_string()))?;
        let page = String::from_utf8_lossy(&page);
        return output.text(&json!({ "page": page }), &page);
    };
    let count = pages(&out).map_err(|err| {
        let out = out.display();
        Trouble::failed(format!("the pages cannot be written into {out}: {err}"))
    })?;
    let document = json!({ "status": "ok", "folder": out, "pages": count });
    let lines = format!(
        "{count} pages are in {}; read the first:  man {0}/gizwits2mqtt.1",
        out.display()
    );
    output.result(&document, &lines)
}

/// A page for each command.
fn pages(out: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(out)?;
    clap_mangen::generate_to(Args::command(), out)?;
    let mut count = 0;
    for entry in std::fs::read_dir(out)? {
        let name = entry?.file_name();
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("gizwits2mqtt"));
        count += usize::from(is_ours);
    }
    Ok(count)
}
