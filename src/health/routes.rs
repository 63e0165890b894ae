//! The probes as handlers of actix-web. They decide nothing.

use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective};
use actix_web::{HttpResponse, web};

use crate::exports::prometheus::CONTENT_TYPE;
use crate::probe::Probe;
use crate::scheduler::Scheduler;

/// Adds the routes `/live` and `/ready`, for `App::configure` or that of a scope:
///
/// ```no_run
/// use actix_web::{App, HttpServer, web};
/// use mainspring::{Scheduler, health};
///
/// # async fn example(scheduler: Scheduler) -> std::io::Result<()> {
/// let scheduler = web::Data::new(scheduler);
/// let app = move || App::new().app_data(scheduler.clone()).configure(health::configure);
/// HttpServer::new(app).bind("0.0.0.0:8080")?.run().await
/// # }
/// ```
pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/live", web::get().to(live)).route("/ready", web::get().to(ready));
}

/// Handles a liveness probe: 200 while the scheduler lives, 503 if only a restart of the process helps. The body is the
/// [`Probe`] as JSON. Without a `web::Data<Scheduler>` in the application, actix-web replies 500.
///
/// ```no_run
/// use actix_web::{App, HttpServer, web};
/// use mainspring::{Scheduler, health};
///
/// # async fn example(scheduler: Scheduler) -> std::io::Result<()> {
/// let scheduler = web::Data::new(scheduler);
/// let app = move || {
///     let app = App::new().app_data(scheduler.clone());
///     app.route("/live", web::get().to(health::live)).route("/ready", web::get().to(health::ready))
/// };
/// HttpServer::new(app).bind("0.0.0.0:8080")?.run().await
/// # }
/// ```
pub async fn live(scheduler: web::Data<Scheduler>) -> HttpResponse {
    response(&scheduler.health().live())
}

/// Handles a readiness probe: 200 while nothing is wrong, 503 otherwise. The body is the [`Probe`] as JSON. See [`live`] for
/// an example.
pub async fn ready(scheduler: web::Data<Scheduler>) -> HttpResponse {
    response(&scheduler.health().ready())
}

/// Handles a scrape of Prometheus: replies with [`Scheduler::prometheus`]. See [`live`] for an example.
pub async fn prometheus(scheduler: web::Data<Scheduler>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(scheduler.prometheus())
}

fn response(probe: &Probe) -> HttpResponse {
    let mut response = if probe.passed() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((CACHE_CONTROL, CacheControl(vec![CacheDirective::NoStore]).to_string()));
    response.json(probe)
}
