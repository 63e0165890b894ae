//! A live progress bar: `cargo run --example progress`, then open <http://127.0.0.1:8080/> and start an import. The browser gets the
//! job's progress and its result as server-sent events, from `mainspring::responses::follow`.
//!
//! - `DATABASE_URL` names the database; without it a private PostgreSQL starts under `target/`.
//! - `PORT` is the port (default 8080), `RUST_LOG` the log level (default info).

mod app;
#[path = "../support/listen.rs"]
mod listen;

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use mainspring::Scheduler;
use mainspring::embedded::{EmbeddedOptions, database_url};

use self::app::{Pace, import, routes};
use self::listen::listen;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let (listener, address) = listen()?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/mainspring-progress");
    let database = database_url(EmbeddedOptions::kept_in(folder))?;
    let builder = Scheduler::builder(database.url()).handler(import);
    let scheduler = builder.app_data(Pace(Duration::from_millis(700))).start().await?;
    let data = web::Data::new(scheduler.clone());
    println!("listening on http://{address}/");
    let app = move || App::new().app_data(data.clone()).configure(routes);
    HttpServer::new(app).workers(2).listen(listener)?.run().await?;
    scheduler.stop().await;
    Ok(())
}
