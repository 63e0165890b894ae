//! A web server with the dashboard of a scheduler, on a database of its own.

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::Scheduler;
use mainspring::dashboard::{Access, Rights};

use crate::browser::Browser;
use crate::demo;
use crate::support::database::TestDatabase;
use crate::support::waiting::Watched;

pub struct Site<D = TestDatabase> {
    pub database: D,
    pub scheduler: Scheduler,
    pub port: u16,
    server: ServerHandle,
}

impl Site {
    /// A site with the work of the demonstration.
    pub async fn start() -> Self {
        Self::on(TestDatabase::new()).await
    }
}

impl<D: Watched> Site<D> {
    /// The same on a migrated database.
    pub async fn on(database: D) -> Self {
        let scheduler = demo::start(&database).await;
        let all = Access::Act(Rights::all()).by("anna");
        let dashboard = mainspring::dashboard("/jobs", &scheduler, move |_| all.clone());
        let dashboard = dashboard.payloads(|_, _, payload| Some(payload));
        let app = move || App::new().service(dashboard.clone());
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { database, scheduler, port, server: handle }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/jobs/", self.port)
    }

    pub async fn browse(&self) -> Browser {
        Browser::start(&self.address()).await
    }

    pub fn execute(&self, sql: &str) {
        let mut conn = PgConnection::establish(&self.database.watched_url()).unwrap();
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
        self.scheduler.stop().await;
    }
}
