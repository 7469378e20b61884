//! What a person is asked for, and secrets from wherever they come: a file, standard input, or a
//! question whose answer nobody sees.

use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _};
use std::path::Path;

use crate::secret::Secret;

use super::output::Output;
use super::terminal;
use super::trouble::Trouble;

/// Wrong answers after which a question is not asked again.
const MAX_TRIES: usize = 3;

/// A secret that a command needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// As in "password of me@example.com".
    pub(super) what: &'a str,
    /// The option that names a file for it, as in `--password-file`.
    pub(super) flag: &'a str,
}

impl Wanted<'_> {
    /// From the file that was named, `-` being standard input, else from whoever sits there.
    pub(super) async fn get(
        self,
        file: Option<&Path>,
        output: &Output,
    ) -> Result<Secret<String>, Trouble> {
        match file {
            Some(file) => self.read(file),
            None => self.hidden(self.what, output).await,
        }
    }

    /// As [`Self::get`], for one that does not exist yet: a slip while typing would lock its owner
    /// out, so it is typed twice.
    pub(super) async fn new_one(
        self,
        file: Option<&Path>,
        output: &Output,
    ) -> Result<Secret<String>, Trouble> {
        if let Some(file) = file {
            return self.read(file);
        }
        for _ in 0..MAX_TRIES {
            let first = self.hidden(self.what, output).await?;
            if first == self.hidden("once more", output).await? {
                return Ok(first);
            }
            output.aside("These differ; please type it again.\n");
        }
        Err(Trouble::usage(format!("no {} was chosen", self.what)))
    }

    /// The first line of a file.
    fn read(self, file: &Path) -> Result<Secret<String>, Trouble> {
        let (name, what) = (file.display(), self.what);
        let text = if file == Path::new("-") {
            // Two secrets may come this way, a line each.
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|_| line)
        } else {
            std::fs::read_to_string(file)
        };
        let text =
            text.map_err(|err| Trouble::usage(format!("{what}: {name} cannot be read: {err}")))?;
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Secret::new(line.to_owned())),
            _ if file == Path::new("-") => Err(Trouble::usage(format!(
                "{what}: nothing came on standard input"
            ))),
            _ => Err(Trouble::usage(format!(
                "{what}: {name} begins with an empty line; write it there, and nothing else"
            ))),
        }
    }

    async fn hidden(self, question: &str, output: &Output) -> Result<Secret<String>, Trouble> {
        let _pause = output.progress.pause();
        let prompt = format!("{}: ", capitalized(question));
        terminal::restore_when_ended();
        let typed = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt));
        match typed.await {
            Ok(Ok(text)) if !text.is_empty() => Ok(Secret::new(text)),
            Ok(Ok(_)) => Err(Trouble::usage(format!("no {} was typed", self.what))),
            Ok(Err(err)) if err.kind() == ErrorKind::Interrupted => Err(Trouble::interrupted()),
            Ok(Err(err)) if err.kind() == ErrorKind::UnexpectedEof => {
                Err(Trouble::usage(format!("no {} was typed", self.what)))
            }
            Ok(Err(_)) => Err(self.nobody_there()),
            Err(err) => Err(Trouble::failed(format!(
                "the terminal cannot be read: {err}"
            ))),
        }
    }

    fn nobody_there(self) -> Trouble {
        let (what, flag) = (self.what, self.flag);
        Trouble::usage(format!(
            "the {what} is needed, and there is no terminal to ask at; name a file that holds it with \
             {flag} FILE, or send it on standard input with {flag} -"
        ))
    }
}

/// A secret that somebody put into a command after all: it goes no further.
pub(super) fn secret(text: &str) -> Result<Secret<String>, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

/// Is there somebody to ask?
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// An answer that everybody may see; empty when nothing was typed. `None`: there will be no more.
pub(super) async fn line(question: &str, output: &Output) -> Result<Option<String>, Trouble> {
    let _pause = output.progress.pause();
    output.aside(question);
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        io::stdin()
            .lock()
            .read_line(&mut text)
            .map(|bytes| (bytes, text))
    });
    match read.await {
        Ok(Ok((0, _))) => Ok(None),
        Ok(Ok((_, text))) => Ok(Some(text.trim().to_owned())),
        Ok(Err(err)) => Err(Trouble::failed(format!(
            "standard input cannot be read: {err}"
        ))),
        Err(err) => Err(Trouble::failed(format!(
            "standard input cannot be read: {err}"
        ))),
    }
}

/// A text that may stand in the arguments, and is asked for where it does not.
pub(super) async fn text(
    given: Option<String>,
    what: &str,
    flag: &str,
    output: &Output,
) -> Result<String, Trouble> {
    if let Some(text) = given.filter(|text| !text.is_empty()) {
        return Ok(text);
    }
    if is_interactive()
        && let Some(text) = line(&format!("{}: ", capitalized(what)), output).await?
        && !text.is_empty()
    {
        return Ok(text);
    }
    Err(Trouble::usage(format!(
        "the {what} is needed; give it with {flag}"
    )))
}

/// A question with two answers.
pub(super) async fn yes(question: &str, otherwise: bool, output: &Output) -> Result<bool, Trouble> {
    let hint = if otherwise { "Y/n" } else { "y/N" };
    for _ in 0..MAX_TRIES {
        let Some(answer) = line(&format!("{question} [{hint}] "), output).await? else {
            break;
        };
        match answer.to_lowercase().as_str() {
            "" => return Ok(otherwise),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => output.aside("Please answer y or n.\n"),
        }
    }
    Ok(false)
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
