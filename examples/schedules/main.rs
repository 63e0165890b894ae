//! Schedules that people edit through a web application, in two idioms side by side. Under `/chained` each job adds its
//! successor under a key. Under `/stored` the scheduler fires rows of its own table. docs/guide/schedules.md compares them.
//!
//! `cargo run --example schedules`, then for instance
//! `curl -X POST localhost:8080/stored/r1 -H 'content-type: application/json' -d '{"expression": "*/5 * * * * *"}'`.
//! `DATABASE_URL`, `MAINSPRING_SCHEMA`, `PORT` and `RUST_LOG` work as in the demo. A private database
//! ends with the program.

mod chained;
#[path = "../support/same_origin.rs"]
mod same_origin;
mod stored;

use std::net::TcpListener;

use actix_web::guard::fn_guard;
use actix_web::{App, HttpResponse, HttpServer, web};
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::{Scheduler, SchedulerError, Schema, Session, StoreError};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use self::same_origin::is_permitted;

/// What people may set of a schedule.
#[derive(Debug, Deserialize)]
struct Edit {
    expression: String,
}

/// Why a request failed, by what reported it.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Thread(#[from] actix_web::error::BlockingError),
}

/// What the routes share.
struct Shared {
    database_url: String,
    schema: Schema,
    scheduler: Scheduler,
}

impl Shared {
    /// Runs `work` on a connection of its own, off the threads that serve requests.
    async fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (url, schema) = (self.database_url.clone(), self.schema.clone());
        let run = move || work(&mut schema.on(&mut mainspring::database::connect(&url)?));
        web::block(run).await?
    }
}

/// Responds that the act was done, that there is no such schedule, or what failed: 400 for bad input, 500 for the rest.
fn answer(done: Result<bool, impl Into<Failure>>) -> HttpResponse {
    match done.map_err(Into::into) {
        Ok(true) => HttpResponse::Ok().json(json!({"success": true})),
        Ok(false) => HttpResponse::NotFound().json(json!({"error": "there is no such schedule"})),
        Err(
            Failure::Store(StoreError::Invalid(error))
            | Failure::Scheduler(SchedulerError::Store(StoreError::Invalid(error))),
        ) => HttpResponse::BadRequest().json(json!({"error": error})),
        Err(error) => HttpResponse::InternalServerError().json(json!({"error": error.to_string()})),
    }
}

fn listed<T: serde::Serialize>(found: Result<Vec<T>, impl Into<Failure>>) -> HttpResponse {
    match found {
        Ok(rows) => HttpResponse::Ok().json(rows),
        Err(error) => answer(Err(error)),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    // Before anything else, so that a port that is taken is reported before jobs run.
    let address = format!("127.0.0.1:{}", std::env::var("PORT").unwrap_or_else(|_| "8080".into()));
    let listener = TcpListener::bind(&address)
        .map_err(|error| format!("cannot listen on {address}: {error}; PORT names another port"))?;
    let database = database_url(EmbeddedOptions::temporary())?;
    chained::make_table(&mut mainspring::database::connect(database.url())?)?;
    let schema = Schema::new(std::env::var("MAINSPRING_SCHEMA").unwrap_or_else(|_| "mainspring".into()))?;
    let builder = Scheduler::builder(database.url()).schema(schema.name());
    let scheduler = builder.handler(chained::publish).handler(stored::publish).start().await?;
    let shared = Shared { database_url: database.url().to_owned(), schema, scheduler: scheduler.clone() };
    let shared = web::Data::new(shared);
    println!("listening on http://{address}");
    let app = move || {
        let app = App::new().app_data(shared.clone());
        let scope = |path| web::scope(path).guard(fn_guard(is_permitted));
        app.service(scope("/chained").configure(chained::routes))
            .service(scope("/stored").configure(stored::routes))
    };
    Scheduler::exit_at_second_signal()?;
    HttpServer::new(app).workers(2).listen(listener)?.run().await?;
    scheduler.stop().await;
    Ok(())
}
