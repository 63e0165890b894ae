//! A Prometheus of a test: its files in a folder of its own, and its HTTP API.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::process::Process;
use crate::support::waiting::block_until;

pub struct Prometheus {
    // Killed before the folder is removed.
    process: Option<Process>,
    folder: PathBuf,
    address: String,
}

impl Prometheus {
    /// Starts one with that configuration and those rules, and returns when it replies.
    pub fn start(configuration: &str, rules: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("mainspring-prometheus-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("prometheus.yml"), configuration).unwrap();
        fs::write(folder.join("alerts.yml"), rules).unwrap();
        let log = folder.join("log");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg("--web.listen-address=127.0.0.1:0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let process = Some(Process::start(&mut command));
        let mut started = Self { process, folder, address: String::new() };
        block_until("the address of Prometheus in its log", || {
            started.address = address_in(&fs::read_to_string(&log).unwrap()).unwrap_or_default();
            !started.address.is_empty()
        });
        block_until("a Prometheus that is ready", || started.replies_to("/-/ready"));
        started
    }

    /// The series that the expression has now, each with its labels and its value.
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let found = self.data(&format!("/api/v1/query?query={}", encoded(expression)));
        let series = found["result"].as_array().unwrap_or_else(|| panic!("{expression}: {found}"));
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        series.iter().map(|series| (series["metric"].clone(), value(series))).collect()
    }

    /// The alerts that fire, each by its name and the value of that label.
    pub fn firing(&self, label_of: impl Fn(&Value) -> String) -> Vec<(String, String)> {
        let alerts = self.data("/api/v1/alerts");
        let firing = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned();
        let mut firing: Vec<_> = firing.map(|alert| (name(alert), label_of(&alert["labels"]))).collect();
        firing.sort();
        firing
    }

    /// What the API returns for the path, which may be no error.
    fn data(&self, path: &str) -> Value {
        let reply = get(&self.address, path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {reply}"));
        let body: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {reply}"));
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].clone()
    }

    fn replies_to(&self, path: &str) -> bool {
        get(&self.address, path).is_ok_and(|reply| reply.starts_with("HTTP/1.0 200"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Of the line `.. msg="Listening on" address=127.0.0.1:36987`.
fn address_in(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("Listening on"))?;
    let (_, address) = line.split_once("address=")?;
    address.split_whitespace().next().map(str::to_owned)
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut server = TcpStream::connect(address)?;
    write!(server, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut reply = String::new();
    server.read_to_string(&mut reply)?;
    Ok(reply)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
