//! Mounts the dashboard in an application: the prefix, who has access, and what is shown of payloads.

use std::fmt;
use std::sync::Arc;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{HttpRequest, web};
use serde_json::Value;

use super::access::Access;
use super::routes::ROUTES;
use super::serve::serve;
use super::state::State;
use crate::scheduler::Scheduler;

/// Returns the dashboard of a scheduler, to be mounted below the prefix: `/jobs`, `/admin/jobs`, or an empty one for a host of its own.
///
/// `access` decides about each request, and there is no default: see [`Access`]. [`basic_auth`](super::basic_auth) and
/// [`loopback_only`](super::loopback_only) return closures for it. One of the application's own looks at whatever identifies its
/// users:
///
/// ```no_run
/// use actix_web::{App, HttpMessage, HttpRequest, HttpServer};
/// use mainspring::Scheduler;
/// use mainspring::dashboard::{Access, Right, Rights};
///
/// enum Role { Customer, Support, Operator }
///
/// fn access(request: &HttpRequest) -> Access {
///     // Put there by a middleware of the application.
///     match request.extensions().get::<Role>() {
///         Some(Role::Operator) => Access::Act(Rights::all()),
///         Some(Role::Support) => Access::Act(Rights::none().with(Right::RetryJobs)),
///         Some(Role::Customer) | None => Access::Denied,
///     }
/// }
///
/// # async fn example(scheduler: Scheduler) -> std::io::Result<()> {
/// let app = move || App::new().service(mainspring::dashboard("/jobs", &scheduler, access));
/// HttpServer::new(app).bind("127.0.0.1:8080")?.run().await
/// # }
/// ```
///
/// The dashboard holds a handle to the scheduler. Its calls run on the scheduler's connections, and never on a thread of the web
/// server.
#[cfg_attr(docsrs, doc(cfg(feature = "dashboard")))]
pub fn dashboard(
    prefix: &str,
    scheduler: &Scheduler,
    access: impl Fn(&HttpRequest) -> Access + Send + Sync + 'static,
) -> Dashboard {
    let prefix = prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    Dashboard { prefix, state: Arc::new(State::new(scheduler, Arc::new(access))) }
}

/// A dashboard, to be mounted by [`App::service`](actix_web::App::service). Made by [`dashboard`]. Clones share what they have read.
#[derive(Clone)]
#[must_use = "a dashboard shows nothing until it is mounted by `App::service`"]
pub struct Dashboard {
    prefix: String,
    state: Arc<State>,
}

impl Dashboard {
    /// Shows payloads. By default, none is read or shown.
    ///
    /// The closure receives the request, the name of the task and the payload of a job or a schedule, and returns what that viewer
    /// sees: all of it, a part, or nothing.
    ///
    /// ```no_run
    /// # fn example(scheduler: mainspring::Scheduler) {
    /// use mainspring::dashboard::{Access, Dashboard};
    /// use serde_json::{Value, json};
    ///
    /// let dashboard: Dashboard = mainspring::dashboard("/jobs", &scheduler, |_| Access::Read)
    ///     .payloads(|_, task, payload| match task {
    ///         "report.publish" => Some(payload),
    ///         "mail.send" => Some(json!({"template": payload["template"], "to": "hidden"})),
    ///         _ => None,
    ///     });
    /// # }
    /// ```
    pub fn payloads(
        mut self,
        shown: impl Fn(&HttpRequest, &str, Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        self.state = Arc::new(self.state.with_payloads(Arc::new(shown)));
        self
    }

    /// Returns the method and the path below the prefix of each route, for tests of an application's own rules. Style sheet and
    /// scripts are not among them.
    pub fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
        ROUTES.iter().map(|route| (route.method.as_str(), route.path))
    }
}

impl HttpServiceFactory for Dashboard {
    fn register(self, config: &mut AppService) {
        let (state, prefix) = (self.state, self.prefix.clone());
        let serve = web::to(move |request: HttpRequest, body: web::Payload| {
            serve(Arc::clone(&state), prefix.clone(), request, body)
        });
        web::scope(&self.prefix).default_service(serve).register(config);
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").field("prefix", &self.prefix).field("state", &self.state).finish()
    }
}
