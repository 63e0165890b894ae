//! One request, from its access to its response. Every check stands here, before any screen or act, so none can be forgotten there.

use std::sync::Arc;

use actix_web::http::header::{ALLOW, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use actix_web::http::{Method as HttpMethod, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use super::access::Access;
use super::acts::Next;
use super::assets::{self, Asset};
use super::changes::Watch;
use super::failure::Failure;
use super::headers::{Lasts, secure};
use super::origin::{is_own, is_own_or_of_a_program};
use super::page::{self, Page};
use super::routes::{self, Deed, Method, Target};
use super::several::{Place, Several};
use super::visit::Visit;
use super::{acts, api, screens};

/// A form has some names and a reason, and a body of the API a thousand ids.
const MOST_BYTES: usize = 64 << 10;

/// What a request gets.
enum Reply {
    Page(Page),
    Json(String),
    File(&'static Asset),
    Changes(Watch),
    Next(Next),
    /// The same with a slash at its end, against which links are resolved.
    WithSlash(String),
}

/// How a client reads that something has failed.
#[derive(Debug, Clone, Copy)]
enum Form {
    Page,
    Json,
}

impl Form {
    fn of(path: &str) -> Self {
        if path.starts_with(api::PREFIX) { Self::Json } else { Self::Page }
    }
}

pub(super) async fn serve(
    several: Arc<Several>,
    prefix: String,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let (state, path) = match several.find(request.match_info().unprocessed()) {
        Place::Of(state, path) => (Arc::clone(state), Ok(path.to_owned())),
        Place::WithoutSlash(state, "") => (Arc::clone(state), Err(prefix)),
        Place::WithoutSlash(state, part) => (Arc::clone(state), Err(part.to_owned())),
    };
    let form = Form::of(path.as_deref().unwrap_or_default());
    let access = (state.access)(&request);
    let Some(rights) = access.rights() else { return refused(&access, form) };
    let (now, version, who) = (state.scheduler.now(), state.last_version(), access.name());
    let visit = Visit { now, version, several, state, request, rights, who };
    let reply = match path {
        Ok(path) => reply(&visit, &path, body).await,
        Err(before) => Ok(Reply::WithSlash(with_slash(&before, visit.request.query_string()))),
    };
    match reply {
        Ok(reply) => written(reply, &visit),
        Err(failure) => failed(&failure, &visit, form),
    }
}

async fn reply(visit: &Visit, path: &str, body: web::Payload) -> Result<Reply, Failure> {
    let asked = method(&visit.request);
    if let (Some(Method::Get), Some(asset)) = (asked, assets::find(path)) {
        return Ok(Reply::File(asset));
    }
    let target = routes::find(asked, path)
        .map_err(|has| if has.is_empty() { Failure::NoPage } else { Failure::NoMethod(has) })?;
    if let Some(right) = target.right().filter(|right| !visit.may(*right)) {
        return Err(Failure::NoRight(right));
    }
    match target {
        Target::Changes => Watch::new(visit).map(Reply::Changes),
        Target::Show(screen) => screens::show(visit, screen).await.map(Reply::Page),
        Target::Ask(deed) => acts::ask(visit, deed).await.map(Reply::Page),
        Target::Do(deed) => act(visit, deed, body).await.map(Reply::Next),
        Target::Read(data) => api::read(visit, data).await.map(Reply::Json),
        Target::Perform(deed) => perform(visit, deed, body).await.map(Reply::Json),
    }
}

fn with_slash(path: &str, query: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    if query.is_empty() { format!("{last}/") } else { format!("{last}/?{query}") }
}

async fn act(visit: &Visit, deed: Deed, body: web::Payload) -> Result<Next, Failure> {
    if !is_own(&visit.request) {
        return Err(Failure::ForeignOrigin);
    }
    let body = whole(body).await?;
    let form = std::str::from_utf8(&body).map_err(|error| Failure::Invalid(error.to_string()))?;
    acts::perform(visit, deed, form).await
}

async fn perform(visit: &Visit, deed: Deed, body: web::Payload) -> Result<String, Failure> {
    if !is_own_or_of_a_program(&visit.request) {
        return Err(Failure::ForeignOrigin);
    }
    // A form of another site cannot send this type.
    if visit.request.content_type() != "application/json" {
        return Err(Failure::NoJson);
    }
    api::perform(visit, deed, &whole(body).await?).await
}

async fn whole(body: web::Payload) -> Result<web::Bytes, Failure> {
    let body = body.to_bytes_limited(MOST_BYTES).await.map_err(|_| Failure::TooLarge)?;
    body.map_err(|error| Failure::Invalid(error.to_string()))
}

fn method(request: &HttpRequest) -> Option<Method> {
    match *request.method() {
        HttpMethod::GET | HttpMethod::HEAD => Some(Method::Get),
        HttpMethod::POST => Some(Method::Post),
        _ => None,
    }
}

fn written(reply: Reply, visit: &Visit) -> HttpResponse {
    match reply {
        Reply::Page(shown) => html(StatusCode::OK, page::write(&shown, visit)),
        Reply::Json(text) => {
            let mut response = HttpResponse::Ok().content_type("application/json").body(text);
            secure(response.headers_mut(), Lasts::Not);
            response
        }
        Reply::File(asset) => {
            let mut response = HttpResponse::Ok().content_type(asset.kind).body(asset.content);
            secure(response.headers_mut(), Lasts::ForEver);
            response
        }
        Reply::Changes(watch) => {
            let mut response = watch.answer(HttpResponse::Ok());
            secure(response.headers_mut(), Lasts::Not);
            response
        }
        Reply::Next(Next::See(location)) => redirect(StatusCode::SEE_OTHER, &location),
        Reply::Next(Next::Again(form, status)) => html(status, page::write(&form, visit)),
        Reply::WithSlash(location) => redirect(StatusCode::TEMPORARY_REDIRECT, &location),
    }
}

fn failed(failure: &Failure, visit: &Visit, form: Form) -> HttpResponse {
    let mut response = match form {
        Form::Json => failure.as_json(),
        Form::Page => {
            failure.log();
            html(failure.status(), page::write_failure(failure, visit))
        }
    };
    secure(response.headers_mut(), Lasts::Not);
    if let Failure::NoMethod(has) = failure {
        let has: Vec<&str> = has.iter().map(|method| method.as_str()).collect();
        if let Ok(has) = has.join(", ").parse() {
            response.headers_mut().insert(ALLOW, has);
        }
    }
    response
}

// Shows nothing of the dashboard.
fn refused(access: &Access, form: Form) -> HttpResponse {
    let failure = if *access == Access::SignIn { Failure::SignIn } else { Failure::Denied };
    let mut response = match form {
        Form::Json => failure.as_json(),
        Form::Page => {
            let mut response = HttpResponse::build(failure.status());
            response.content_type("text/plain; charset=utf-8").body(failure.words().text)
        }
    };
    secure(response.headers_mut(), Lasts::Not);
    if *access == Access::SignIn {
        let challenge = HeaderValue::from_static("Basic realm=\"jobs\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn redirect(status: StatusCode, location: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status).insert_header((LOCATION, location)).finish();
    secure(response.headers_mut(), Lasts::Not);
    response
}

fn html(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::build(status).content_type("text/html; charset=utf-8").body(text);
    secure(response.headers_mut(), Lasts::Not);
    response
}
