//! The processes of the fleet: started, signalled and awaited. What is done to them is written down before it is done.

use std::fs::File;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::proxy::Proxy;
use crate::record::{Record, What};
use crate::role::{ORDERS, Orders, Role};
use crate::trouble::Outcome;

/// A process with its way to the server. A successor after its death takes the same place.
pub struct Member {
    pub orders: Orders,
    /// `None`: it connects to the servers directly.
    pub proxy: Option<Proxy>,
    pub environment: Vec<(&'static str, String)>,
    process: Option<Process>,
    record: Arc<Record>,
}

struct Process {
    pid: u32,
    exited: Receiver<()>,
    /// The process ends when this is closed.
    _hold: ChildStdin,
}

impl Member {
    pub fn new(orders: Orders, proxy: Option<Proxy>, record: &Arc<Record>) -> Self {
        Self { orders, proxy, environment: Vec::new(), process: None, record: Arc::clone(record) }
    }

    pub fn is_worker(&self) -> bool {
        matches!(self.orders.role, Role::Worker)
    }

    /// The process that runs; 0 where none does.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, |process| process.pid)
    }

    pub fn start(&mut self) -> Outcome<()> {
        let orders = serde_json::to_string(&self.orders)?;
        let log =
            |pid: u32| -> PathBuf { self.orders.folder.join(format!("{}-{pid}.log", self.orders.name)) };
        let unnamed = log(0);
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ORDERS, orders).envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&unnamed)?);
        let mut child = command.spawn()?;
        let pid = child.id();
        std::fs::rename(unnamed, log(pid))?;
        let hold = child.stdin.take().expect("its standard input is a pipe");
        let (gone, exited) = channel();
        let record = Arc::clone(&self.record);
        std::thread::spawn(move || {
            let status = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            record.write(What::Exited { pid, status });
            let _ = gone.send(());
        });
        self.process = Some(Process { pid, exited, _hold: hold });
        Ok(())
    }

    /// Starts it again if it has ended by itself.
    pub fn tend(&mut self) -> Outcome<()> {
        let ended = self.process.as_ref().is_some_and(|process| process.exited.try_recv().is_ok());
        if ended { self.start() } else { Ok(()) }
    }

    /// Sends SIGKILL, and returns when the process is gone.
    pub fn kill(&mut self) {
        let Some(process) = self.process.take() else { return };
        self.record.write(What::Killed { pid: process.pid });
        send(process.pid, Signal::KILL);
        let _ = process.exited.recv();
    }

    pub fn pause(&self) {
        self.record.write(What::Paused { pid: self.pid() });
        send(self.pid(), Signal::STOP);
    }

    pub fn resume(&self) {
        send(self.pid(), Signal::CONT);
        self.record.write(What::Resumed { pid: self.pid() });
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        if let Some(process) = &self.process {
            self.record.write(What::Terminated { pid: process.pid });
            send(process.pid, Signal::TERM);
        }
    }

    /// Waits until the process has ended after a SIGTERM, and kills it when the time is over.
    pub fn leave(&mut self, limit: Duration) {
        let Some(process) = &self.process else { return };
        match process.exited.recv_timeout(limit) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => self.process = None,
            Err(RecvTimeoutError::Timeout) => self.kill(),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
