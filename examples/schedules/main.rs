//! Schedules that people edit through a web application, in two idioms side by side. Under `/chained` each job adds its
//! successor under a key. Under `/stored` the scheduler fires rows of its own table. docs/guide/schedules.md compares them.
//!
//! `cargo run --example schedules`, then for instance
//! `curl -X POST localhost:8080/stored/r1 -H 'content-type: application/json' -d '{"expression": "*/5 * * * * *"}'`.
//! `DATABASE_URL`, `MAINSPRING_SCHEMA`, `PORT` and `RUST_LOG` work as in the demo. A private database
//! ends with the program.

mod chained;
#[path = "../support/listen.rs"]
mod listen;
#[path = "../support/same_origin.rs"]
mod same_origin;
mod stored;

use std::time::Duration;

use actix_web::guard::fn_guard;
use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{PgConnection, QueryResult};
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::{Scheduler, Schema, Session, StoreError};
use serde::Deserialize;
use serde_json::json;

use self::listen::listen;
use self::same_origin::is_permitted;

/// What people may set of a schedule.
#[derive(Debug, Deserialize)]
struct Edit {
    expression: String,
}

/// What the routes share.
struct Shared {
    pool: Pool<ConnectionManager<PgConnection>>,
    schema: Schema,
    scheduler: Scheduler,
}

impl Shared {
    /// Runs `work` on a connection of the pool, off the threads that serve requests.
    async fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> QueryResult<T> + Send + 'static,
    ) -> actix_web::Result<T> {
        let (pool, schema) = (self.pool.clone(), self.schema.clone());
        let run = move || {
            let mut conn = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
            work(&mut schema.on(&mut conn)).map_err(StoreError::from_diesel)
        };
        Ok(web::block(run).await??)
    }
}

/// Responds that the request was carried out. Each error is a response of its own, by the feature `actix-web`.
fn done() -> actix_web::Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(json!({"success": true})))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    // Before anything else, so that a port that is taken is reported before jobs run.
    let (listener, address) = listen()?;
    let database = database_url(EmbeddedOptions::temporary())?;
    // The default of r2d2 blocks a request for 30 s while the database is away.
    let pool = Pool::builder().max_size(4).connection_timeout(Duration::from_secs(5));
    let pool = pool.build(ConnectionManager::new(database.url()))?;
    let mut conn = pool.get()?;
    chained::make_table(&mut conn)?;
    drop(conn);
    let schema = Schema::new(std::env::var("MAINSPRING_SCHEMA").unwrap_or_else(|_| "mainspring".into()))?;
    let builder = Scheduler::builder(database.url()).schema(schema.name());
    let scheduler = builder.handler(chained::publish).handler(stored::publish).start().await?;
    let shared = Shared { pool, schema, scheduler: scheduler.clone() };
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
