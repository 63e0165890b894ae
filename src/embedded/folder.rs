//! The folder of one private server: its data, its log, its password, and who may start it.
//!
//! - `lock` is locked while a process starts or watches the server: a free lock proves that there is none.
//! - `server` holds the address of a running server.
//! - `holders` is the FIFO that keeps the server running.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf, absolute};

use super::error::EmbeddedError;
use super::user::ServerUser;

// Where every system lets every user in, and which outlives a restart.
const OPEN_TO_ALL: &str = "/var/tmp";
const TEMPORARY_PREFIX: &str = "mainspring-postgres-";

pub(super) struct Folder {
    path: PathBuf,
    lifetime: Lifetime,
}

/// When a folder is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// With its server.
    Temporary,
    /// By its owner: the next run finds its data.
    Kept,
}

impl Lifetime {
    /// What the watcher calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Kept => "kept",
        }
    }
}

impl Folder {
    /// The folder that a caller named, made where it is missing.
    pub(super) fn kept(path: &Path, user: &ServerUser) -> Result<Self, EmbeddedError> {
        let failed = || EmbeddedError::cannot(format!("make the server's folder {}", path.display()));
        let folder = Self { path: place(path, user).map_err(failed())?, lifetime: Lifetime::Kept };
        match fs::DirBuilder::new().mode(0o700).create(&folder.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => folder.refuse_foreign(user)?,
            Err(error) => return Err(failed()(error)),
        }
        user.hand_over(&folder.path, 0o700)?;
        Ok(folder)
    }

    /// Returns the temporary folders of this user that exist.
    pub(super) fn all_temporary(user: &ServerUser) -> Vec<Self> {
        let is_one = |entry: &fs::DirEntry| {
            entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX)
                && entry.metadata().is_ok_and(|facts| facts.is_dir() && user.is_ours(facts.uid()))
        };
        let entries = fs::read_dir(temporary_base(user)).into_iter().flatten().flatten();
        entries
            .filter(is_one)
            .map(|entry| Self { path: entry.path(), lifetime: Lifetime::Temporary })
            .collect()
    }

    /// Makes a temporary folder and locks it. Once it is locked it gets the name by which it is found.
    pub(super) fn temporary(user: &ServerUser) -> Result<(Self, File), EmbeddedError> {
        let base = temporary_base(user);
        let failed = || EmbeddedError::cannot(format!("make a temporary folder in {}", base.display()));
        let mut random = [0; 8];
        fill_randomly(&mut random).map_err(failed())?;
        let name = hexadecimal(&random);
        let mut folder =
            Self { path: base.join(format!("mainspring-new-{name}")), lifetime: Lifetime::Temporary };
        fs::DirBuilder::new().mode(0o700).create(&folder.path).map_err(failed())?;
        user.hand_over(&folder.path, 0o700)?;
        let lock = folder.try_lock()?.ok_or_else(|| EmbeddedError::new("a new folder is locked already"))?;
        let path = base.join(format!("{TEMPORARY_PREFIX}{name}"));
        fs::rename(&folder.path, &path).map_err(failed())?;
        folder.path = path;
        Ok((folder, lock))
    }

    // Its owner and mode are about to change, which would be no kindness to a folder of other things.
    fn refuse_foreign(&self, user: &ServerUser) -> Result<(), EmbeddedError> {
        let failed = || EmbeddedError::cannot(format!("look into {}", self.path.display()));
        let facts = fs::symlink_metadata(&self.path).map_err(failed())?;
        let empty = || Ok(fs::read_dir(&self.path).map_err(failed())?.next().is_none());
        // In this order: another process may be making the folder now, and the lock is the first thing in it.
        if facts.is_dir() && user.is_ours(facts.uid()) && (empty()? || self.path("lock").is_file()) {
            return Ok(());
        }
        Err(EmbeddedError::new(format!(
            "{} must be a new or empty folder, or one that this user's server was kept in before; it is not: \
             name another one, or remove it",
            self.path.display()
        )))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    pub(super) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// A name for something that becomes real by a rename; the next start clears what did not.
    pub(super) fn half_made(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.half-{}", std::process::id()))
    }

    /// The lock, or `None` while another process starts, watches or stops the server.
    pub(super) fn try_lock(&self) -> Result<Option<File>, EmbeddedError> {
        let path = self.path("lock");
        let failed = || EmbeddedError::cannot(format!("lock {}", path.display()));
        let mut open = OpenOptions::new();
        let lock = open.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed())?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed()(error)),
        }
    }

    /// The cluster's password, which outlives a run with the data; made where there is none.
    pub(super) fn password(&self, user: &ServerUser) -> Result<String, EmbeddedError> {
        let path = self.path("password");
        let failed = || EmbeddedError::cannot(format!("keep the server's password in {}", path.display()));
        if path.exists() {
            return fs::read_to_string(&path).map_err(failed());
        }
        let mut random = [0; 16];
        fill_randomly(&mut random).map_err(failed())?;
        let password = hexadecimal(&random);
        let half = self.half_made("password");
        write_private(&half, &password).map_err(failed())?;
        user.hand_over(&half, 0o600)?;
        fs::rename(&half, &path).map_err(failed())?;
        Ok(password)
    }

    /// Writes down how to reach the running server, for those who come to share it.
    pub(super) fn announce(&self, url: &str, engine: &str) -> Result<(), EmbeddedError> {
        let half = self.half_made("server");
        write_private(&half, &format!("{url}\n{engine}\n"))
            .and_then(|()| fs::rename(&half, self.path("server")))
            .map_err(EmbeddedError::cannot(format_args!("write into {}", self.path.display())))
    }

    /// The URL and the engine's line of the running server.
    pub(super) fn announced(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.path("server")).ok()?;
        let (url, engine) = text.trim_end().split_once('\n')?;
        Some((url.to_owned(), engine.to_owned()))
    }

    /// The end of the server's log, where a failed start reports why.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(self.path("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Removes what is useless after a start that failed.
    pub(super) fn discard(&self) {
        if self.lifetime == Lifetime::Temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn temporary_base(user: &ServerUser) -> PathBuf {
    let usual = env::temp_dir();
    if user.can_enter(&usual) { usual } else { OPEN_TO_ALL.into() }
}

// Two spellings of one folder are one place.
fn place(path: &Path, user: &ServerUser) -> io::Result<PathBuf> {
    let path = absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path) };
    fs::create_dir_all(parent)?;
    let parent = parent.canonicalize()?;
    let place = parent.join(name);
    if user.can_enter(&parent) { Ok(place) } else { substitute(&place) }
}

// Root's own folders are closed to the server's user. A name that follows from the folder's could be taken by any user
// before, so it is random, and written down where only root may write.
fn substitute(path: &Path) -> io::Result<PathBuf> {
    let mut note = path.as_os_str().to_owned();
    note.push(".place");
    if !Path::new(&note).exists() {
        let mut random = [0; 8];
        fill_randomly(&mut random)?;
        let name = hexadecimal(&random);
        let half = format!("{}-{name}", note.display());
        write_private(Path::new(&half), &format!("mainspring-kept-{name}"))?;
        // Fails where another process was first, whose name then counts.
        let _ = fs::hard_link(&half, &note);
        fs::remove_file(&half)?;
    }
    Ok(Path::new(OPEN_TO_ALL).join(fs::read_to_string(&note)?))
}

fn fill_randomly(bytes: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_substitute_is_found_again_and_its_name_follows_from_nothing() {
        let base = env::temp_dir().join(format!("mainspring-substitute-{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        let (one, other) = (base.join("one"), base.join("other"));
        let place = substitute(&one).unwrap();
        assert_eq!(substitute(&one).unwrap(), place);
        assert_ne!(substitute(&other).unwrap(), place);
        assert_eq!(place.parent(), Some(Path::new(OPEN_TO_ALL)));
        assert_eq!(fs::read_dir(&base).unwrap().count(), 2);
        fs::remove_dir_all(&base).unwrap();
    }
}
