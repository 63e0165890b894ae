//! The dashboard, asked by requests of actix's test server, on a real database.

use std::time::Instant;

use actix_web::App;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::dashboard::{Access, Dashboard, Right, Rights};
use mainspring::{NewJob, NewSchedule, Scheduler, Wait};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::waiting::PATIENCE;

mod access;
mod acts;
mod adding;
mod api;
mod api_acts;
mod audit;
mod bounded;
mod changes;
mod cost;
mod filled;
mod hostile;
mod many;
mod mounting;
pub(crate) mod openapi;
mod outage;
mod payloads;
mod reading;
mod schedules;
mod schema;
mod several;
mod ties;
mod workflows;

/// A task that no process here has a handler for, so that its jobs stay where they are.
const TASK: &str = "report.publish";

/// A scheduler that runs nothing, and its dashboard.
struct Site {
    database: TestDatabase,
    scheduler: Scheduler,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) text: String,
}

/// What the tests change nothing of, or something: every row that a viewer could change.
#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Text)]
    rows: String,
}

const CHANGEABLE: &str = "SELECT jsonb_build_array(\
    (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.id) FROM mainspring.jobs AS j), \
    (SELECT jsonb_agg(to_jsonb(q) ORDER BY q.name) FROM mainspring.queues AS q), \
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.name) FROM mainspring.schedules AS s), \
    (SELECT jsonb_agg(to_jsonb(f)) FROM mainspring.schedule_fires AS f), \
    (SELECT jsonb_agg(to_jsonb(p)) FROM mainspring.paused_tasks AS p), \
    (SELECT jsonb_agg(to_jsonb(a)) FROM mainspring.audit AS a), \
    (SELECT jsonb_agg(to_jsonb(o)) FROM mainspring.operations AS o), \
    (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.job_id, t.position) FROM mainspring.steps AS t), \
    (SELECT jsonb_agg(to_jsonb(g)) FROM mainspring.signals AS g), \
    (SELECT jsonb_agg(to_jsonb(h)) FROM mainspring.history AS h))::text AS rows";

impl Site {
    async fn start() -> Self {
        let database = TestDatabase::new();
        let scheduler = Scheduler::builder(database.url()).without_cron().start().await.unwrap();
        Self { database, scheduler }
    }

    fn dashboard(&self, access: Access) -> Dashboard {
        mainspring::dashboard("/jobs", &self.scheduler, move |_| access.clone())
    }

    async fn read(&self, path: &str) -> Reply {
        ask(self.dashboard(Access::Read), TestRequest::with_uri(&format!("/jobs/{path}"))).await
    }

    /// Asks with all rights, from a page of the same site.
    async fn act(&self, path: &str, form: &str) -> Reply {
        self.act_with(Rights::all(), path, form).await
    }

    async fn act_with(&self, rights: Rights, path: &str, form: &str) -> Reply {
        ask(self.dashboard(Access::Act(rights)), own(path, form)).await
    }

    async fn add(&self, with: impl FnOnce(NewJob) -> NewJob) -> i64 {
        let job = with(NewJob::new(TASK, &json!({"report": "r7"})));
        self.scheduler.jobs().insert(job).await.unwrap()
    }

    async fn add_dead(&self, error: &str) -> i64 {
        let id = self.add(|job| job).await;
        self.scheduler.jobs().fail([id], Some(error)).await.unwrap();
        id
    }

    /// A job that waits for a signal, and has done a step before.
    async fn add_held(&self) -> i64 {
        let id = self.add(|job| job.after(Wait::signal("go"))).await;
        let step = format!(
            "INSERT INTO mainspring.steps (job_id, position, payload_hash, name, value) VALUES ({id}, 1, 7, 'charge', '1')"
        );
        self.database.connection().batch_execute(&step).unwrap();
        id
    }

    async fn add_schedule(&self, name: &str) {
        let new = NewSchedule::new(name, TASK, "0 8 * * *").payload(json!({"report": "r7"}));
        self.scheduler.schedules().create(new).await.unwrap();
    }

    fn rows(&self) -> Value {
        let rows = sql_query(CHANGEABLE).get_result::<Rows>(&mut self.database.connection()).unwrap();
        serde_json::from_str(&rows.rows).unwrap()
    }

    /// Reads the page until it has the text.
    async fn until_shown(&self, path: &str, text: &str) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.read(path).await;
            if reply.text.contains(text) {
                return reply;
            }
            assert!(Instant::now() < deadline, "`{text}` is not in {}", reply.text);
            tokio::task::yield_now().await;
        }
    }
}

/// A form of a page of the same site.
pub(crate) fn own(path: &str, form: &str) -> TestRequest {
    from(path, form, &[("Host", "app.example"), ("Origin", "https://app.example")])
}

fn from(path: &str, form: &str, headers: &[(&str, &str)]) -> TestRequest {
    let request = TestRequest::with_uri(&format!("/jobs/{path}")).method(Method::POST);
    let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
    let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
    request.set_payload(form.to_owned())
}

pub(crate) async fn ask(dashboard: Dashboard, request: TestRequest) -> Reply {
    let app = init_service(App::new().service(dashboard)).await;
    let response = call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    // A stream goes on and on.
    let is_stream = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let body = if is_stream { Vec::new() } else { read_body(response).await.to_vec() };
    let text = String::from_utf8(body).unwrap();
    Reply { status, headers, text }
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The values of an attribute, in their order.
    fn attributes(&self, name: &str) -> Vec<&str> {
        let mark = format!(" {name}=\"");
        let parts = self.text.split(&mark).skip(1);
        parts.map(|rest| rest.split('"').next().unwrap_or_default()).collect()
    }

    /// What a link or a redirect leads to, without the entities of HTML.
    fn links(&self) -> Vec<String> {
        self.attributes("href").into_iter().map(|link| link.replace("&amp;", "&")).collect()
    }

    /// The ids of the jobs of a list, in their order.
    fn jobs(&self) -> Vec<i64> {
        let ids = self.attributes("id").into_iter().filter_map(|id| id.strip_prefix("job-"));
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

/// The rights that permit this one alone, and all but this one.
fn only(right: Right) -> (Rights, Rights) {
    (Rights::none().with(right), Rights::all().without(right))
}
