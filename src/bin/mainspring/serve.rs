//! `dashboard`: serves the dashboard of a database alone. It runs no jobs: the library's handle only reads and changes what others run.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use actix_web::{App, HttpServer, rt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use mainspring::dashboard::{Access, Dashboard, Rights, basic_auth, loopback_only};
use mainspring::{Scheduler, Schema};

use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring dashboard
  mainspring dashboard --port 9000 --read-only
  MAINSPRING_DASHBOARD_PASSWORD=... mainspring dashboard --bind 0.0.0.0";

/// The password that a viewer must have. A generated one is printed.
const PASSWORD: &str = "MAINSPRING_DASHBOARD_PASSWORD";
/// Where systems have the name of the user.
const USER_NAMES: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];
/// Of a generated password: 144 bits, which are 24 letters.
const RANDOM_BYTES: usize = 18;
/// Threads of the web server. The database does the work.
const THREADS: usize = 2;

#[derive(Debug, Args)]
pub(crate) struct DashboardArguments {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// The address to listen on.
    ///
    /// On a loopback address, browsers of this machine alone are served. Their acts are in the audit log under the name of your user,
    /// without proof of who it was. On any other, they are asked for a name and a password: that
    /// in MAINSPRING_DASHBOARD_PASSWORD, or one that is generated and printed. Put TLS before it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The name that belongs to the password.
    #[arg(long, value_name = "NAME", default_value = "ops")]
    user: String,
    /// Viewers read, and change nothing.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "reads")]
    read_only: Option<Reads>,
    /// Show the payloads of jobs and schedules to all viewers [default: hide them].
    #[arg(long, value_enum, num_args = 0, default_missing_value = "shown")]
    payloads: Option<Payloads>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reads {
    Reads,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Payloads {
    Shown,
}

/// Who is served.
enum Viewers {
    OfThisMachine,
    WithPassword(Password),
}

enum Password {
    Given(String),
    Generated(String),
}

pub(crate) fn run(
    url: &str,
    schema: &Schema,
    arguments: &DashboardArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    rt::System::new().block_on(serve(url, schema, arguments, out))
}

async fn serve(
    url: &str,
    schema: &Schema,
    arguments: &DashboardArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let viewers = Viewers::new(arguments.bind)?;
    let scheduler = Scheduler::builder(url).schema(schema.name()).connect().await?;
    let dashboard = arguments.dashboard(&scheduler, &viewers);
    let server = HttpServer::new(move || App::new().service(dashboard.clone()));
    let bound = server.workers(THREADS).disable_signals().bind((arguments.bind, arguments.port));
    let bound = bound.map_err(|error| {
        let address = SocketAddr::new(arguments.bind, arguments.port);
        Failure::Refused(format!("cannot listen on {address}: {error}"))
    })?;
    for address in bound.addrs() {
        writeln!(out, "the dashboard is at http://{address}/")?;
    }
    viewers.announce(&arguments.user, out)?;
    out.flush()?;
    tokio::select! {
        // First, so that a signal is watched for before the first request.
        biased;
        stopped = scheduler.stop_at_signal() => {
            stopped.map_err(|error| Failure::Refused(format!("cannot watch signals: {error}")))
        }
        ended = bound.run() => ended.map_err(|error| Failure::Refused(format!("the web server has ended: {error}"))),
    }
}

impl DashboardArguments {
    fn dashboard(&self, scheduler: &Scheduler, viewers: &Viewers) -> Dashboard {
        let access = match self.read_only {
            Some(Reads::Reads) => Access::Read,
            None => Access::Act(Rights::all()),
        };
        let with =
            |password: &Password| basic_auth(self.user.clone(), password.text().to_owned(), access.clone());
        let dashboard = match viewers {
            Viewers::OfThisMachine => {
                let access = access.clone().by(&system_user());
                mainspring::dashboard("", scheduler, loopback_only(move |_| access.clone()))
            }
            Viewers::WithPassword(password) if self.bind.is_loopback() => {
                mainspring::dashboard("", scheduler, loopback_only(with(password)))
            }
            Viewers::WithPassword(password) => mainspring::dashboard("", scheduler, with(password)),
        };
        match self.payloads {
            Some(Payloads::Shown) => dashboard.payloads(|_, _, payload| Some(payload)),
            None => dashboard,
        }
    }
}

/// The user of this process, for the audit log, or an empty name. It proves nothing: anyone who reaches the port acts under it.
fn system_user() -> String {
    let mut names = USER_NAMES.iter().filter_map(|name| std::env::var(name).ok());
    names.find(|name| !name.is_empty()).unwrap_or_default()
}

impl Viewers {
    fn new(bind: IpAddr) -> Result<Self, Failure> {
        match std::env::var("MAINSPRING_DASHBOARD_PASSWORD") {
            Ok(password) if password.is_empty() => Err(Failure::Usage(format!("{PASSWORD} is empty"))),
            Ok(password) => Ok(Self::WithPassword(Password::Given(password))),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::Usage(format!("{PASSWORD} must be UTF-8")))
            }
            Err(std::env::VarError::NotPresent) if bind.is_loopback() => Ok(Self::OfThisMachine),
            Err(std::env::VarError::NotPresent) => {
                generated().map(Password::Generated).map(Self::WithPassword)
            }
        }
    }

    fn announce(&self, user: &str, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::OfThisMachine => Ok(writeln!(out, "it serves browsers of this machine alone")?),
            Self::WithPassword(Password::Given(_)) => {
                Ok(writeln!(out, "sign in as {user} with the password in {PASSWORD}")?)
            }
            Self::WithPassword(Password::Generated(password)) => {
                Ok(writeln!(out, "sign in as {user} with the password {password}")?)
            }
        }
    }
}

impl Password {
    fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::Generated(text) => text,
        }
    }
}

fn generated() -> Result<String, Failure> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Refused(format!("the system gives no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
