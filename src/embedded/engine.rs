//! Which PostgreSQL to run: the one that `PG_BIN_DIR` names, an installed one, or the carried one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::carried;
use super::error::EmbeddedError;
use super::folder::Folder;
use super::options::{EmbeddedOptions, Engines};
use super::user::ServerUser;

// The schema needs SQL functions with bodies in standard SQL (`RETURN`).
const OLDEST: u32 = 14;

// Folders that hold a folder for each version: where, what precedes the version in its name.
const VERSIONED: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

pub(super) struct Engine {
    bin: PathBuf,
    version: String,
    major: u32,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Installed,
    /// By a crate.
    Carried,
}

impl Engine {
    pub(super) fn choose(
        options: &EmbeddedOptions,
        folder: &Folder,
        user: &ServerUser,
    ) -> Result<Self, EmbeddedError> {
        if let Some(bin) = env::var_os("PG_BIN_DIR").filter(|bin| !bin.is_empty()) {
            return Self::named(Path::new(&bin), user);
        }
        if let Some(engine) =
            installed().iter().find_map(|bin| Self::probe(bin, Origin::Installed, user).ok())
        {
            return Ok(engine);
        }
        if options.engines() == Engines::Installed {
            return Err(EmbeddedError::no_engine(
                "none is installed, and the carried one is not wanted here",
            ));
        }
        let bin = carried::unpack(folder, user)?.ok_or_else(|| {
            EmbeddedError::no_engine("none is installed, and none is carried for this system")
        })?;
        Self::probe(&bin, Origin::Carried, user).map_err(|reason| {
            EmbeddedError::no_engine(&format!("none is installed, and of the carried one {reason}"))
        })
    }

    fn named(bin: &Path, user: &ServerUser) -> Result<Self, EmbeddedError> {
        Self::probe(bin, Origin::Installed, user).map_err(|reason| {
            let bin = bin.display();
            EmbeddedError::no_engine(&format!(
                "PG_BIN_DIR is {bin}, where initdb and postgres {OLDEST} or later must be, but {reason}"
            ))
        })
    }

    // Run as the server's user, who has to reach it: an engine under root's home is of no use.
    fn probe(bin: &Path, origin: Origin, user: &ServerUser) -> Result<Self, String> {
        if !bin.join("initdb").is_file() {
            return Err("initdb is not there".into());
        }
        let output = user.command(bin.join("postgres")).arg("--version").output();
        let output = output.map_err(|error| format!("postgres does not start: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        let version = said.split_once("(PostgreSQL) ").and_then(|(_, rest)| rest.split(' ').next());
        let major = version.and_then(leading_number);
        match (version, major) {
            (Some(version), Some(major)) if major >= OLDEST => {
                Ok(Self { bin: bin.to_owned(), version: version.to_owned(), major, origin })
            }
            (Some(version), Some(_)) => Err(format!("postgres is of version {version}")),
            _ => {
                let complaint = String::from_utf8_lossy(&output.stderr);
                Err(format!("`postgres --version` said {:?}", format!("{said}{}", complaint.trim())))
            }
        }
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The cluster's folder name: no engine meets another one's files.
    pub(super) fn cluster(&self) -> String {
        match self.origin {
            Origin::Installed => format!("data-{}", self.major),
            Origin::Carried => format!("data-{}-carried", self.major),
        }
    }

    /// What the engine needs set in order to be of use.
    pub(super) fn settings(&self) -> &'static [(&'static str, &'static str)] {
        match self.origin {
            Origin::Installed => &[],
            // Built for one small process: 400 kB of buffers and 25 connections.
            Origin::Carried => &[("shared_buffers", "64MB"), ("max_connections", "100")],
        }
    }

    pub(super) fn line(&self) -> String {
        let version = &self.version;
        match self.origin {
            Origin::Installed => format!("PostgreSQL {version} installed in {}", self.bin.display()),
            Origin::Carried => format!(
                "PostgreSQL {version} carried by a crate: fine for a demo, but its server timers never fire \
                 (statement_timeout, lock_timeout, deadlock detection)"
            ),
        }
    }
}

fn installed() -> Vec<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    let configured = configured.map(|bin| PathBuf::from(bin.trim()));
    let versioned = VERSIONED.iter().flat_map(|(root, prefix)| versions_in(Path::new(root), prefix));
    let on_path = env::var_os("PATH").unwrap_or_default();
    configured.into_iter().chain(versioned).chain(env::split_paths(&on_path)).collect()
}

// The highest version first.
fn versions_in(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let major = leading_number(entry.file_name().to_str()?.strip_prefix(prefix)?)?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, bin)| bin).collect()
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}
