//! The guide, in the order of a user's questions. Each chapter begins with a program that runs. Its examples are compiled,
//! and run where they need no database.
//!
//! The chapters are pages of the repository too. A link in them is a reference, which the page defines for the repository.
//! The file `links.md` stands before each page and defines it for this place. The first definition of a reference counts.

macro_rules! chapters {
    ($($name:ident $page:literal)*) => { $(
        #[doc = include_str!("guide/links.md")]
        #[doc = include_str!(concat!("../docs/guide/", $page))]
        pub mod $name {}
    )* };
}

chapters! {
    install "install.md"
    first_job "first_job.md"
    adding "adding.md"
    clients "clients.md"
    tasks "tasks.md"
    handlers "handlers.md"
    secrets "secrets.md"
    outcomes "outcomes.md"
    steps "steps.md"
    schedules "schedules.md"
    queues "queues.md"
    workflows "workflows.md"
    results "results.md"
    watching "watching.md"
    dashboard "dashboard.md"
    observability "observability.md"
    testing "testing.md"
    deploying "deploying.md"
    upgrading "upgrading.md"
    settings "settings.md"
    sql "sql.md"
    administration "administration.md"
    migrating "migrating.md"
}

/// Pages outside of the guide. Their examples are compiled too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/OPERATIONS.md")]
    mod operations {}
}
