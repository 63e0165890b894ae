//! The JSON API of a dashboard, as a client: requests, sign-in, and what a reply means. Knows no command.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::failure::Failure;
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
}

impl ApiArguments {
    /// The client, if an address was given.
    pub(crate) fn client(&self) -> Result<Option<Api>, Failure> {
        let url = self.api.as_deref().filter(|url| !url.trim().is_empty());
        url.map(|url| Api::new(url, &self.api_user)).transpose()
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
    fn new(url: &str, user: &str) -> Result<Self, Failure> {
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
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
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

    pub(crate) fn act<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.value(request.header("Content-Type", "application/json").send(body.to_string()))
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
