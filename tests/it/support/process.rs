//! Other processes of a test. Each is this test program again, and runs one ignored test of it.

use std::process::{Child, Command, Output, Stdio};

const URL: &str = "MAINSPRING_TEST_URL";

/// The database that another test has given to this process; none where all ignored tests are run at once.
pub fn given_url() -> Option<String> {
    std::env::var(URL).ok()
}

/// A command that runs the ignored test of that full name on a database.
pub fn command(test: &str, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments(test));
    command.env(URL, url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The arguments with which this program runs that one ignored test.
pub fn arguments(test: &str) -> [&str; 5] {
    ["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]
}

/// A process that is killed at the end of its test, if not before.
pub struct Process(pub Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success(), "signal {name}");
    }

    /// Kills the process, and returns when it is gone.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has written.
pub struct Written {
    pub out: String,
    pub err: String,
}

/// Runs the process to its end, which must be a success.
pub fn run(command: &mut Command) -> Written {
    let Output { status, stdout, stderr } =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let written = Written { out: text(stdout), err: text(stderr) };
    assert!(status.success(), "{}{}", written.out, written.err);
    written
}
