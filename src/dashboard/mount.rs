//! Mounts the dashboard in an application: the prefix, who has access, and what is shown of payloads.

use std::fmt;
use std::sync::Arc;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{HttpRequest, web};
use serde_json::Value;

use super::access::Access;
use super::routes::ROUTES;
use super::serve::serve;
use super::several::Several;
use super::state::{PayloadOf, State};
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
    let state = State::new("main".to_owned(), scheduler, Arc::new(access));
    Dashboard { prefix, several: Arc::new(Several::new(state)) }
}

/// A dashboard, to be mounted by [`App::service`](actix_web::App::service). Made by [`dashboard`]. Clones share what they have read.
#[derive(Clone)]
#[must_use = "a dashboard shows nothing until it is mounted by `App::service`"]
pub struct Dashboard {
    prefix: String,
    several: Arc<Several>,
}

impl Dashboard {
    /// Shows another scheduler too: of another schema, or of another database. A choice appears at the top of each page, and each
    /// scheduler has its own pages below the prefix, such as `/jobs/billing/`. The `access` is that of the first, which may look at
    /// the path. [`also_for`](Self::also_for) takes another one.
    ///
    /// ```no_run
    /// # fn example(shop: mainspring::Scheduler, billing: mainspring::Scheduler) {
    /// use mainspring::dashboard::{Access, Rights, basic_auth};
    ///
    /// let access = basic_auth("ops", "s3cret", Access::Act(Rights::all()));
    /// let dashboard = mainspring::dashboard("/jobs", &shop, access).named("shop").also("billing", &billing);
    /// # let _ = dashboard;
    /// # }
    /// ```
    ///
    /// The part of the path is the name, with a `-` in the place of anything but letters of ASCII, digits, `-` and `_`. A scheduler whose
    /// part would be that of another one has a number behind it.
    pub fn also(mut self, name: impl Into<String>, scheduler: &Scheduler) -> Self {
        let access = Arc::clone(&self.several.first().access);
        self.several = Arc::new(self.several.with(name.into(), scheduler, access));
        self
    }

    /// As [`also`](Self::also), with an access of its own. Only a viewer who may read a scheduler finds it in the choice.
    ///
    /// ```no_run
    /// # fn example(shop: mainspring::Scheduler, billing: mainspring::Scheduler) {
    /// use mainspring::dashboard::{Access, Rights, basic_auth};
    ///
    /// let dashboard = mainspring::dashboard("/jobs", &shop, basic_auth("ops", "s3cret", Access::Act(Rights::all())))
    ///     .also_for("billing", &billing, basic_auth("ops", "s3cret", Access::Read));
    /// # let _ = dashboard;
    /// # }
    /// ```
    pub fn also_for(
        mut self,
        name: impl Into<String>,
        scheduler: &Scheduler,
        access: impl Fn(&HttpRequest) -> Access + Send + Sync + 'static,
    ) -> Self {
        self.several = Arc::new(self.several.with(name.into(), scheduler, Arc::new(access)));
        self
    }

    /// Names the first scheduler for the choice between several; default `main`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.several = Arc::new(self.several.first_named(name.into()));
        self
    }

    /// Shows payloads. By default, none is read or shown.
    ///
    /// It holds for all schedulers of the dashboard, also for those that are added later. The closure receives the request, the name of the task and the payload of a job or a schedule, and returns what that viewer
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
        self.several = Arc::new(self.several.with_payloads(&(Arc::new(shown) as PayloadOf)));
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
        let (several, prefix) = (self.several, self.prefix.clone());
        let serve = web::to(move |request: HttpRequest, body: web::Payload| {
            serve(Arc::clone(&several), prefix.clone(), request, body)
        });
        web::scope(&self.prefix).default_service(serve).register(config);
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").field("prefix", &self.prefix).field("schedulers", &self.several).finish()
    }
}
