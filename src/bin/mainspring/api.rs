//! The JSON API of a dashboard, as a client: requests, sign-in, and what a reply means. Knows no command.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::failure::Failure;
use crate::output;
use crate::source::Query;

/// As long as the server waits for its database, and some time for the network.
const TIMEOUT: Duration = Duration::from_secs(60);
/// More than any list has.
const MOST_BYTES: u64 = 256 << 20;
/// Where the password is.
const PASSWORD: &str = "MAINSPRING_API_PASSWORD";

/// The options of all commands that name a dashboard.
#[derive(Debug, Args)]
pub(crate) struct ApiArguments {
    /// Read and act through the dashboard at this address, where the database cannot be reached: http://127.0.0.1:8080/jobs
    ///
    /// Commands that need the database say so.
    #[arg(long, global = true, env = "MAINSPRING_API", value_name = "URL")]
    api: Option<String>,
    /// The name to sign in with there. The password is that in MAINSPRING_API_PASSWORD.
    #[arg(long, global = true, value_name = "NAME", default_value = "ops")]
    api_user: String,
    /// A file with the certificates, in PEM, of the authorities that are trusted there, in place of the public ones.
    #[arg(long, global = true, env = "MAINSPRING_API_CA", value_name = "FILE")]
    api_ca: Option<PathBuf>,
}

impl ApiArguments {
    /// The client, if an address was given.
    pub(crate) fn client(&self) -> Result<Option<Api>, Failure> {
        let url = self.api.as_deref().filter(|url| !url.trim().is_empty());
        url.map(|url| Api::new(url, &self.api_user, self.api_ca.as_deref())).transpose()
    }
}

#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
    authorization: Option<String>,
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    stored: Option<String>,
}

impl Api {
    fn new(url: &str, user: &str, ca: Option<&Path>) -> Result<Self, Failure> {
        let is_http = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_http || url.contains(['@', '?', '#']) {
            let expected = "http:// or https://, a host and the path of the dashboard, without a password";
            return Err(Failure::Usage(format!("--api must be an address of a dashboard: {expected}")));
        }
        let authorization = match std::env::var(PASSWORD) {
            Ok(password) => Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::Usage(format!("{PASSWORD} must be UTF-8")));
            }
        };
        if authorization.is_some() {
            warn_of_plain_text(url);
        }
        let mut tls = TlsConfig::builder();
        if let Some(file) = ca {
            tls = tls.root_certs(authorities(file)?);
        }
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false);
        // A password must reach no other host.
        let config = config.max_redirects(0).max_redirects_will_error(false).build();
        Ok(Self { agent: config.into(), base: format!("{}/api/", url.trim_end_matches('/')), authorization })
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, query: &Query) -> Result<T, Failure> {
        let mut request = self.agent.get(format!("{}{}", self.base, query.path));
        for (name, value) in &query.parameters {
            request = request.query(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.value(request.call())
    }

    pub(crate) fn act<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_string(body)?;
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.value(request.header("Content-Type", "application/json").send(body))
    }

    fn value<T: DeserializeOwned>(&self, reply: Result<Response<Body>, ureq::Error>) -> Result<T, Failure> {
        let mut reply = reply.map_err(|error| self.failed(&error))?;
        let status = reply.status();
        let text = reply.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        let text = text.map_err(|error| self.failed(&error))?;
        if status == StatusCode::OK {
            return serde_json::from_str(&text).map_err(|error| {
                Failure::Refused(format!(
                    "the reply of {} does not fit, as that of another release or another program: {error}",
                    self.base
                ))
            });
        }
        Err(Failure::Refused(self.refused(status, &text)))
    }

    fn refused(&self, status: StatusCode, text: &str) -> String {
        let Ok(Refusal { error, stored }) = serde_json::from_str(text) else {
            return format!("{} replies {}, and not as a dashboard does", self.base, status.as_u16());
        };
        match (status, stored) {
            (StatusCode::UNAUTHORIZED, _) => format!("{error} Give --api-user, and set {PASSWORD}"),
            (_, Some(_)) => format!("{error}; it may have been carried out: look before you repeat it"),
            (_, None) => error,
        }
    }

    fn failed(&self, error: &ureq::Error) -> Failure {
        Failure::Refused(format!("cannot reach {}: {error}", self.base))
    }
}

fn warn_of_plain_text(url: &str) {
    let Ok(uri) = url.parse::<Uri>() else { return };
    let host = uri.host().unwrap_or_default();
    if uri.scheme_str() == Some("http") && !is_this_machine(host) {
        let host = output::printable(host);
        eprintln!(
            "mainspring: warning: the password goes to {host} unencrypted, for everyone on the way: use https"
        );
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn authorities(file: &Path) -> Result<RootCerts, Failure> {
    let refused = |why: &str| {
        let file = output::printable(&file.display().to_string());
        Failure::Usage(format!("--api-ca must be a file with certificates in PEM: {file}: {why}"))
    };
    let pem = std::fs::read(file).map_err(|error| refused(&error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| refused(&error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(refused("it has none"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["app.example", "localhost.example", "10.0.0.1", "[::2]", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
