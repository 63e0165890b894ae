//! The user a server runs as. PostgreSQL refuses to be root: started by root, it runs as `postgres`, or as
//! `nobody` where there is none. Knows nothing of servers.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::EmbeddedError;

pub(super) struct ServerUser {
    /// The user of this process.
    own: u32,
    /// User and group to become.
    other: Option<(u32, u32)>,
}

impl ServerUser {
    pub(super) fn find() -> Result<Self, EmbeddedError> {
        let own = id(&["-u"]).ok_or_else(|| EmbeddedError::new("cannot run `id -u` to learn the user"))?;
        if own != 0 {
            return Ok(Self { own, other: None });
        }
        let pair = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
        let other = pair("postgres").or_else(|| pair("nobody")).ok_or_else(|| {
            EmbeddedError::new(
                "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as: \
                 add one, or start this program as an ordinary user",
            )
        })?;
        Ok(Self { own, other: Some(other) })
    }

    /// A command run as the server's user, away from this process's terminal and folder.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").process_group(0).env("LC_ALL", "C").stdin(Stdio::null());
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes `path` the server's own, closed to everybody else but root.
    pub(super) fn hand_over(&self, path: &Path, mode: u32) -> Result<(), EmbeddedError> {
        let failed = || EmbeddedError::cannot(format!("make {} private to the server", path.display()));
        if let Some((user, group)) = self.other {
            chown(path, Some(user), Some(group)).map_err(failed())?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed())
    }

    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        self.other.is_none()
            || self.command("test").arg("-x").arg(folder).status().is_ok_and(|status| status.success())
    }

    /// Whether a file of user `uid` was made by us or by a server of ours.
    pub(super) fn is_ours(&self, uid: u32) -> bool {
        uid == self.own || self.other.is_some_and(|(user, _)| uid == user)
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
