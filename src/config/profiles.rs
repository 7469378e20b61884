//! The user's profiles: what the folder `profiles_dir` holds, read file by file, so that a fault in one
//! leaves the others at work.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::bridge::Settings;
use crate::profile::catalog::{Catalog, NO_PROFILE};
use crate::profile::file::ProfileFile;
use crate::profile::load;
use crate::yaml;

use super::problem::nearest;
use super::text;

/// Files of the folder that are read, by name; those beyond are left out, and that is said.
const MAX_FILES: usize = 500;

/// What the folder held when it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserProfiles {
    /// `None`: there is no `profiles_dir`.
    dir: Option<PathBuf>,
    look: Look,
    files: BTreeMap<PathBuf, Result<ProfileFile, Vec<ProfileFault>>>,
    /// Former versions that stand in for files that are faulty now.
    kept: BTreeMap<PathBuf, ProfileFile>,
    /// What is wrong with the folder itself.
    fault: Option<ProfileFault>,
}

/// What can be seen of a folder without reading its files: enough to notice a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileFault {
    /// The file, or the folder.
    pub file: PathBuf,
    /// From 1; `None` when it is no line's fault.
    pub line: Option<usize>,
    /// What is wrong, and how to make it right.
    pub message: String,
}

impl fmt::Display for ProfileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.message),
            None => write!(f, "{}: {}", self.file.display(), self.message),
        }
    }
}

impl UserProfiles {
    /// Reads the folder, where there is one. A folder or file that cannot be read is a fault of its own.
    #[must_use]
    pub fn read(dir: Option<PathBuf>) -> Self {
        let Some(dir) = dir else {
            return Self::default();
        };
        // Before the files: a change while they are read is seen at the next look.
        let (look, fault) = match Look::at(&dir) {
            Ok(look) => (look, None),
            Err(err) => {
                let message = format!("profiles_dir: the folder cannot be read: {err}");
                (Look::default(), Some(fault(&dir, message)))
            }
        };
        let files = look.0.keys().take(MAX_FILES);
        let mut files: BTreeMap<_, _> = files.map(|file| (file.clone(), read(file))).collect();
        refuse_second_ids(&mut files);
        let fault = fault.or_else(|| {
            let beyond = look.0.keys().nth(MAX_FILES)?;
            let message =
                format!("only the first {MAX_FILES} profiles of a folder, by name, are read");
            Some(self::fault(beyond, message))
        });
        Self {
            dir: Some(dir),
            look,
            files,
            kept: BTreeMap::new(),
            fault,
        }
    }

    /// Files that are faulty keep the version that was read before; while the folder cannot be read, all do.
    pub fn keep(&mut self, before: &Self) {
        if self.dir != before.dir {
            return;
        }
        let is_gone = self.files.is_empty() && self.fault.is_some();
        let former = before.files.iter().filter_map(|(file, found)| {
            let former = found.as_ref().ok().or_else(|| before.kept.get(file));
            Some((file, former?))
        });
        for (file, former) in former.chain(&before.kept) {
            let is_faulty = self.files.get(file).is_some_and(Result::is_err);
            let is_taken = self.profiles().any(|(_, of)| of.profile == former.profile);
            if (is_faulty || is_gone) && !is_taken {
                self.kept.insert(file.clone(), former.clone());
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Is the folder no longer what was read?
    #[must_use]
    pub fn differ_from(&self, look: &Look) -> bool {
        self.look != *look
    }

    /// All that can be used, with their files, by name: of two that fit a product equally well the first
    /// counts.
    pub fn profiles(&self) -> impl Iterator<Item = (&Path, &ProfileFile)> {
        let read = self.files.iter();
        let read = read.filter_map(|(file, found)| Some((file, found.as_ref().ok()?)));
        let all: BTreeMap<_, _> = read.chain(&self.kept).collect();
        all.into_iter()
            .map(|(file, profile)| (file.as_path(), profile))
    }

    /// All that is wrong, by file and line.
    pub fn faults(&self) -> impl Iterator<Item = &ProfileFault> {
        let of_files = self.files.values().filter_map(|found| found.as_ref().err());
        self.fault.iter().chain(of_files.flatten())
    }

    /// These and the built-in ones.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        Catalog::new(
            self.profiles()
                .map(|(_, profile)| profile.clone())
                .collect(),
        )
    }
}

impl Look {
    /// Looks at the profiles of a folder: files called `*.yaml` or `*.yml`, without the hidden ones in which
    /// editors keep what is not saved yet.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn at(dir: &Path) -> std::io::Result<Self> {
        let mut seen = BTreeMap::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            // Of a link, what it leads to.
            if let (true, Ok(of)) = (is_profile(&path), path.metadata())
                && of.is_file()
            {
                seen.insert(path, (of.modified().ok(), of.len()));
            }
        }
        Ok(Self(seen))
    }
}

fn is_profile(path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension();
    let is_yaml = extension
        .is_some_and(|it| it.eq_ignore_ascii_case("yaml") || it.eq_ignore_ascii_case("yml"));
    is_yaml && !is_hidden
}

/// Reads one profile.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &Path) -> Result<ProfileFile, Vec<ProfileFault>> {
    let text = text(file).map_err(|message| vec![fault(file, message)])?;
    load::read(&text).map_err(|faults| {
        let faults = faults.into_iter().map(|of| ProfileFault {
            line: (of.line > 0).then_some(of.line),
            ..fault(file, of.message)
        });
        faults.collect()
    })
}

/// The text of a profile.
///
/// # Errors
/// Why it cannot be read.
pub fn text(file: &Path) -> Result<String, String> {
    text::read(file, text::MAX_FILE_BYTES).map_err(|err| format!("it cannot be read: {err}"))
}

/// Of two profiles with one id the file that comes first by its name counts.
fn refuse_second_ids(files: &mut BTreeMap<PathBuf, Result<ProfileFile, Vec<ProfileFault>>>) {
    let mut ids: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (file, found) in files {
        let Ok(profile) = found else { continue };
        if let Some(first) = ids.get(&profile.profile) {
            let first = first.file_name().unwrap_or_default().display();
            let message = format!("profile: {:?} is the id of {first}", profile.profile);
            *found = Err(vec![ProfileFault {
                line: line_of_id(file),
                ..fault(file, message)
            }]);
        } else {
            ids.insert(profile.profile.clone(), file.clone());
        }
    }
}

fn line_of_id(file: &Path) -> Option<usize> {
    let document = yaml::parse(&text(file).ok()?, yaml::TextLimits::SHARED).ok()?;
    document.lines.get("profile").copied()
}

fn fault(file: &Path, message: String) -> ProfileFault {
    ProfileFault {
        file: file.into(),
        line: None,
        message,
    }
}

/// Devices whose profile the user chose and that there is not: they go by the schema alone.
pub(super) fn unknown(settings: &Settings) -> impl Iterator<Item = String> {
    let devices = settings.devices.iter();
    devices.filter_map(|(did, device)| {
        let id = device.profile.as_deref()?;
        if id == NO_PROFILE || settings.profiles.get(id).is_some() {
            return None;
        }
        let known = settings.profiles.iter();
        let hint = match nearest(id, known.map(|profile| profile.profile.as_str())) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "`gizwits2mqtt profile list` shows all".to_owned(),
        };
        Some(format!(
            "devices.{did}.profile: there is no profile {id:?}, so its entities follow the schema alone; {hint}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, id: &str, title: &str) {
        let text = format!(
            "profile: {id}\ntitle: {title}\nmatch: {{}}\nentities: {{ power: {{ platform: switch, state: power }} }}\n"
        );
        std::fs::write(dir.join(name), text).unwrap();
    }

    fn titles(profiles: &UserProfiles) -> Vec<&str> {
        let mut titles: Vec<&str> = profiles
            .profiles()
            .map(|(_, profile)| profile.title.as_str())
            .collect();
        titles.sort_unstable();
        titles
    }

    #[test]
    fn a_file_that_becomes_faulty_keeps_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("profiles");
        let again = |before: &UserProfiles| {
            let mut read = UserProfiles::read(Some(dir.clone()));
            read.keep(before);
            read
        };
        std::fs::create_dir(&dir).unwrap();
        write(&dir, "a.yaml", "a", "A");
        write(&dir, "b.yaml", "b", "B");
        let read = again(&UserProfiles::default());
        assert_eq!((titles(&read), read.faults().count()), (vec!["A", "B"], 0));
        assert!(!read.differ_from(&Look::at(&dir).unwrap()));

        std::fs::write(dir.join("a.yaml"), "profile: [").unwrap();
        assert!(read.differ_from(&Look::at(&dir).unwrap()));
        let broken = again(&read);
        assert_eq!(titles(&broken), ["A", "B"]);
        assert_eq!(broken.faults().count(), 1);
        // Also when it is broken in another way.
        std::fs::write(dir.join("a.yaml"), "profile: {").unwrap();
        let broken = again(&broken);
        assert_eq!(titles(&broken), ["A", "B"]);
        // The id went on to another file.
        write(&dir, "c.yaml", "a", "C");
        assert_eq!(titles(&again(&broken)), ["B", "C"]);

        std::fs::remove_file(dir.join("c.yaml")).unwrap();
        std::fs::remove_file(dir.join("b.yaml")).unwrap();
        let read = again(&broken);
        assert_eq!(titles(&read), ["A"], "what is gone is gone");

        let away = folder.path().join("away");
        std::fs::rename(&dir, &away).unwrap();
        let gone = again(&read);
        assert_eq!((titles(&gone), gone.faults().count()), (vec!["A"], 1));
        std::fs::rename(&away, &dir).unwrap();
        write(&dir, "a.yaml", "a", "A2");
        let back = again(&gone);
        assert_eq!((titles(&back), back.faults().count()), (vec!["A2"], 0));
        let elsewhere = UserProfiles::read(Some(folder.path().into()));
        let mut other = elsewhere.clone();
        other.keep(&back);
        assert_eq!(other, elsewhere, "another folder keeps nothing");
    }

    #[test]
    fn what_stands_in_for_a_faulty_file_keeps_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let first = |profiles: &UserProfiles| profiles.profiles().next().unwrap().1.title.clone();
        write(folder.path(), "a.yaml", "a", "A");
        write(folder.path(), "b.yaml", "b", "B");
        let read = UserProfiles::read(Some(folder.path().into()));
        assert_eq!(first(&read), "A");
        // Of two that fit a product equally well the first counts, and a slip must not make it the other.
        std::fs::write(folder.path().join("a.yaml"), "profile: [").unwrap();
        let mut broken = UserProfiles::read(Some(folder.path().into()));
        broken.keep(&read);
        assert_eq!(first(&broken), "A");
    }

    #[test]
    fn files_have_bounds() {
        let folder = tempfile::tempdir().unwrap();
        for at in 0..=MAX_FILES {
            write(
                folder.path(),
                &format!("{at:04}.yaml"),
                &format!("p{at}"),
                "P",
            );
        }
        let long = "#".repeat(usize::try_from(text::MAX_FILE_BYTES).unwrap() + 1);
        std::fs::write(folder.path().join("0000.yaml"), long).unwrap();
        let read = UserProfiles::read(Some(folder.path().into()));
        let faults: Vec<String> = read.faults().map(ToString::to_string).collect();
        assert_eq!(read.profiles().count(), MAX_FILES - 1);
        assert!(faults[0].contains("only the first 500"), "{faults:?}");
        assert!(faults[1].contains("longer than"), "{faults:?}");
    }
}
