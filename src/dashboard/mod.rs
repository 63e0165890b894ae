//! A web page of a running scheduler: what is wrong now, jobs, queues, tasks, schedules, errors and workers. One line mounts it in
//! an application of actix-web:
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use mainspring::Scheduler;
//! use mainspring::dashboard::{Access, Rights, basic_auth};
//!
//! # async fn example(scheduler: Scheduler, password: String) -> std::io::Result<()> {
//! let access = basic_auth("ops", password, Access::Act(Rights::all()));
//! let app = move || App::new().service(mainspring::dashboard("/jobs", &scheduler, access.clone()));
//! HttpServer::new(app).bind("127.0.0.1:8080")?.run().await
//! # }
//! ```
//!
//! The chapter [`dashboard`](crate::guide::dashboard) of the guide is about access, proxies and payloads.
//!
//! Pages are HTML from the server, and every link is relative. So the prefix may be any, and a proxy may change it. All reading and
//! every action work without JavaScript.

mod access;
mod activity;
mod acts;
mod api;
mod assets;
mod basic;
mod cache;
mod changes;
mod deed;
mod examined;
mod failure;
mod headers;
mod links;
mod loopback;
mod many_act;
mod mount;
mod origin;
mod page;
mod parts;
mod payloads;
mod routes;
mod screens;
mod serve;
mod several;
mod state;
mod visit;

pub use self::access::{Access, Right, Rights};
pub use self::basic::basic_auth;
pub use self::loopback::loopback_only;
pub use self::mount::{Dashboard, dashboard};
