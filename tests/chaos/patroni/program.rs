//! The programs of the cluster: where they are, as whom they run, and that they end with their owner.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::server;
use crate::trouble::{Outcome, Trouble};

#[derive(Clone)]
pub(super) struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) patroni: PathBuf,
    pub(super) haproxy: PathBuf,
    /// Where those of PostgreSQL are.
    pub(super) postgres: PathBuf,
    user: Option<(u32, u32)>,
}

impl Programs {
    pub(super) fn find() -> Outcome<Self> {
        if !Path::new("/proc/self/cwd").exists() {
            return Err(Trouble::skip("this system has no /proc"));
        }
        Ok(Self {
            etcd: find("etcd")?,
            patroni: find("patroni")?,
            haproxy: find("haproxy")?,
            postgres: server::programs().ok_or_else(|| Trouble::skip("no PostgreSQL is installed"))?,
            user: server::server_user(),
        })
    }

    /// A command that runs in the folder, as a user that PostgreSQL accepts, and does not see Ctrl-C.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).process_group(0).stdin(Stdio::null());
        command.env_clear().env("LC_ALL", "C").env("HOME", folder);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// A new folder that belongs to the user of the programs.
    pub(super) fn own_folder(&self, parent: &Path, name: &str) -> Outcome<PathBuf> {
        let folder = parent.join(name);
        fs::create_dir_all(&folder)?;
        self.hand_over(&folder)?;
        Ok(folder)
    }

    pub(super) fn hand_over(&self, path: &Path) -> Outcome<()> {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group))?;
        }
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
    }
}

fn find(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian has HAProxy where only root looks.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.ok_or_else(|| Trouble::skip(format!("{name} is not installed")))
}

/// A program that runs. Dropped, it is killed.
pub(super) struct Program {
    child: Child,
}

/// Starts a command with its output in a file.
pub(super) fn start(mut command: Command, log: &Path) -> Outcome<Program> {
    let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
    command.stdout(log.try_clone()?).stderr(log);
    Ok(Program { child: command.spawn()? })
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
