//! The file of the API says what the routes do: paths, methods, parameters, rights, statuses, and the form of every real response.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Dashboard, Right, Rights};
use serde_json::{Value, json};

use super::filled::{filled, good};
use super::schema::faults;
use super::{Reply, Site, ask, only};

/// A route of the API, as the file has it.
pub(super) struct Operation {
    method: &'static str,
    pub(super) path: String,
    described: Value,
}

pub(super) fn file() -> Value {
    serde_json::from_str(include_str!("../../../src/dashboard/api/openapi.json")).unwrap()
}

fn operations(file: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in file["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let method = if method == "get" { "GET" } else { "POST" };
            found.push(Operation { method, path: path[1..].to_owned(), described: described.clone() });
        }
    }
    found
}

impl Operation {
    /// The names of its parameters, or of the fields of its body.
    fn names(&self, file: &Value) -> Vec<String> {
        if self.method == "GET" {
            let parameters = self.described["parameters"].as_array().into_iter().flatten();
            return parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
        }
        let body = &self.described["requestBody"]["content"]["application/json"]["schema"];
        let name = body["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let properties = file["components"]["schemas"][name]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    fn right(&self) -> Option<Right> {
        let name = self.described["x-right"].as_str()?;
        Some(Right::ALL.into_iter().find(|right| format!("{right:?}") == name).expect("a right of this name"))
    }

    /// Checks a response against what the file says of its status.
    fn check(&self, file: &Value, reply: &Reply) {
        let response = &self.described["responses"][reply.status.to_string()];
        assert!(
            !response.is_null(),
            "{}: the file has no status {}: {}",
            self.path,
            reply.status,
            reply.text
        );
        let name = response["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let response = name.map_or(response, |name| &file["components"]["responses"][name]);
        let schema = &response["content"]["application/json"]["schema"];
        assert_eq!(reply.header("content-type"), "application/json", "{}", self.path);
        let value: Value = serde_json::from_str(&reply.text).unwrap();
        let found = faults(file, schema, &value);
        assert!(found.is_empty(), "{} {}: {found:?}", self.path, reply.text);
    }
}

pub(crate) fn call(method: &str, path: &str, body: &Value) -> TestRequest {
    let request = TestRequest::with_uri(&format!("/jobs/{path}"));
    let request = request.method(Method::from_bytes(method.as_bytes()).unwrap());
    if method == "GET" { request } else { request.set_json(body) }
}

#[test]
fn the_file_has_each_route_of_the_api_and_no_other() {
    let of_file: BTreeSet<(String, String)> =
        operations(&file()).iter().map(|one| (one.method.to_owned(), format!("api/{}", one.path))).collect();
    let routes = Dashboard::routes().filter(|(_, path)| path.starts_with("api/"));
    let routes: BTreeSet<_> = routes.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(of_file, routes);
    let file = file();
    let mut ids: Vec<&Value> = file["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|one| one.as_object().unwrap().values().map(|operation| &operation["operationId"]))
        .collect();
    let all = ids.len();
    ids.sort_by_key(|id| id.to_string());
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[actix_web::test]
async fn each_response_has_the_form_that_the_file_describes() {
    let filled = filled().await;
    let file = file();
    let dashboard = filled.site.dashboard(Access::Act(Rights::all())).payloads(|_, _, payload| Some(payload));
    let pause = call("POST", "api/pause-queue", &json!({"name": "reports"}));
    assert_eq!(ask(dashboard.clone(), pause).await.status, 200);
    for operation in operations(&file) {
        let (path, body) = good(&operation.path, &filled);
        let reply = ask(dashboard.clone(), call(operation.method, &path, &body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        operation.check(&file, &reply);
        let lists = !matches!(operation.path.as_str(), "families" | "openapi.json");
        assert!(!lists || reply.text.len() > 2, "{path} shows nothing: {}", reply.text);
    }
    assert_eq!(
        serde_json::from_str::<Value>(&filled.site.read("api/openapi.json").await.text).unwrap(),
        file
    );
    filled.site.scheduler.stop().await;
}

#[actix_web::test]
async fn each_parameter_of_the_file_is_known_and_no_other() {
    let site = Site::start().await;
    let file = file();
    for operation in operations(&file) {
        let path = format!("api/{}", operation.path);
        let asked = if operation.method == "GET" { format!("{path}?no_such=1") } else { path };
        let body = json!({"no_such": 1});
        let dashboard = site.dashboard(Access::Act(Rights::all()));
        let reply = ask(dashboard, call(operation.method, &asked, &body)).await;
        assert_eq!(reply.status, 400, "{asked}: {}", reply.text);
        operation.check(&file, &reply);
        let mut expected = operation.names(&file);
        // serde names all fields that it knows, each in backquotes behind the one that it does not know.
        let mut known: Vec<String> = reply.text.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        if let Some(fields) = reply.text.split("a schedule must have the fields ").nth(1) {
            known = fields.split(", got").next().unwrap().split(", ").map(str::to_owned).collect();
        }
        expected.sort();
        known.sort();
        assert_eq!(known, expected, "{asked}: {}", reply.text);
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn each_act_needs_the_right_that_the_file_names_and_no_other() {
    let filled = filled().await;
    let file = file();
    for operation in operations(&file) {
        let (path, body) = good(&operation.path, &filled);
        let asked =
            async |access| ask(filled.site.dashboard(access), call(operation.method, &path, &body)).await;
        for (access, status) in [(Access::Denied, 403), (Access::SignIn, 401)] {
            let reply = asked(access).await;
            assert_eq!(reply.status, status, "{path}");
            operation.check(&file, &reply);
        }
        let Some(right) = operation.right() else {
            assert_eq!((operation.method, asked(Access::Read).await.status), ("GET", 200), "{path}");
            continue;
        };
        let (alone, others) = only(right);
        // The body has an act that needs the right to it too.
        let alone = if operation.path == "act-on-many" { alone.with(Right::RetryJobs) } else { alone };
        // That of the operation that is there.
        let alone =
            if operation.path.ends_with("-operation") { alone.with(Right::CancelJobs) } else { alone };
        let refused = asked(Access::Act(others)).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text);
        operation.check(&file, &refused);
        let done = asked(Access::Act(alone)).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
    }
    filled.site.scheduler.stop().await;
}

#[actix_web::test]
async fn what_is_not_there_or_away_has_a_status_of_the_file() {
    let site = Site::start().await;
    let file = file();
    let all = || site.dashboard(Access::Act(Rights::all()));
    let find = |path: &str| operations(&file).into_iter().find(|one| one.path == path).unwrap();
    for path in
        ["job?id=7777", "explain?id=7777", "workflow?id=7777", "schedule?name=none", "error?fingerprint=none"]
    {
        let reply = ask(all(), call("GET", &format!("api/{path}"), &json!({}))).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
        find(path.split('?').next().unwrap()).check(&file, &reply);
    }
    for path in ["pause-schedule", "resume-schedule", "trigger-schedule", "delete-schedule"] {
        let reply = ask(all(), call("POST", &format!("api/{path}"), &json!({"name": "none"}))).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
        find(path).check(&file, &reply);
    }
    let form = TestRequest::with_uri("/jobs/api/delete-job").method(Method::POST).set_form([("ids", "1")]);
    let reply = ask(all(), form).await;
    assert_eq!(reply.status, 415);
    find("delete-job").check(&file, &reply);
    let large = json!({"ids": [1], "reason": "x".repeat(70_000)});
    let reply = ask(all(), call("POST", "api/cancel-job", &large)).await;
    assert_eq!(reply.status, 413);
    find("cancel-job").check(&file, &reply);
    site.scheduler.stop().await;
    for operation in operations(&file).iter().filter(|one| one.method == "GET" && one.path == "queues") {
        let reply = ask(all(), call("GET", "api/queues", &json!({}))).await;
        assert_eq!(reply.status, 503, "{}", reply.text);
        operation.check(&file, &reply);
    }
}
