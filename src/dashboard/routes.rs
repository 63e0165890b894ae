//! The routes, as a table: the path below the prefix, what it shows or does, and which right that needs. A path has one segment,
//! so that every link between pages is one too. Names are in queries, because proxies change `%2F` and `..` in paths.

use super::access::Right;

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Also `HEAD`.
    Get,
    Post,
}

impl Method {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a route shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    Overview,
    Jobs,
    Job,
    Tasks,
    Queues,
    Queue,
    Schedules,
    Schedule,
    Calendar,
    Errors,
    Error,
    Workers,
    Audit,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    RetryJob,
    CancelJob,
    RescheduleJob,
    DeleteJob,
    PauseQueue,
    ResumeQueue,
    PauseSchedule,
    ResumeSchedule,
    TriggerSchedule,
    CreateSchedule,
    UpdateSchedule,
    DeleteSchedule,
}

impl Deed {
    /// The right that it needs.
    pub(super) const fn right(self) -> Right {
        match self {
            Self::RetryJob => Right::RetryJobs,
            Self::CancelJob => Right::CancelJobs,
            Self::RescheduleJob => Right::RescheduleJobs,
            Self::DeleteJob => Right::DeleteJobs,
            Self::PauseQueue | Self::ResumeQueue => Right::PauseQueues,
            Self::PauseSchedule | Self::ResumeSchedule => Right::PauseSchedules,
            Self::TriggerSchedule => Right::TriggerSchedules,
            Self::CreateSchedule | Self::UpdateSchedule | Self::DeleteSchedule => Right::EditSchedules,
        }
    }

    /// Its path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::RetryJob => "retry-job",
            Self::CancelJob => "cancel-job",
            Self::RescheduleJob => "reschedule-job",
            Self::DeleteJob => "delete-job",
            Self::PauseQueue => "pause-queue",
            Self::ResumeQueue => "resume-queue",
            Self::PauseSchedule => "pause-schedule",
            Self::ResumeSchedule => "resume-schedule",
            Self::TriggerSchedule => "trigger-schedule",
            Self::CreateSchedule => "create-schedule",
            Self::UpdateSchedule => "update-schedule",
            Self::DeleteSchedule => "delete-schedule",
        }
    }
}

/// What serves a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Show(Screen),
    /// Tells a page when to read itself again.
    Changes,
    /// The page that asks before the deed, or for its values.
    Ask(Deed),
    Do(Deed),
}

impl Target {
    /// The right that it needs beside reading.
    pub(super) const fn right(self) -> Option<Right> {
        match self {
            Self::Show(_) | Self::Changes => None,
            Self::Ask(deed) | Self::Do(deed) => Some(deed.right()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) target: Target,
}

const fn show(path: &'static str, screen: Screen) -> Route {
    Route { method: Method::Get, path, target: Target::Show(screen) }
}

const CHANGES: Route = Route { method: Method::Get, path: "changes", target: Target::Changes };

const fn ask(deed: Deed) -> Route {
    Route { method: Method::Get, path: deed.path(), target: Target::Ask(deed) }
}

const fn act(deed: Deed) -> Route {
    Route { method: Method::Post, path: deed.path(), target: Target::Do(deed) }
}

pub(super) const ROUTES: [Route; 32] = [
    show("", Screen::Overview),
    show("jobs", Screen::Jobs),
    show("job", Screen::Job),
    show("tasks", Screen::Tasks),
    show("queues", Screen::Queues),
    show("queue", Screen::Queue),
    show("schedules", Screen::Schedules),
    show("schedule", Screen::Schedule),
    show("calendar", Screen::Calendar),
    show("errors", Screen::Errors),
    show("error", Screen::Error),
    show("workers", Screen::Workers),
    show("audit", Screen::Audit),
    CHANGES,
    ask(Deed::CancelJob),
    ask(Deed::RescheduleJob),
    ask(Deed::DeleteJob),
    ask(Deed::CreateSchedule),
    ask(Deed::UpdateSchedule),
    ask(Deed::DeleteSchedule),
    act(Deed::RetryJob),
    act(Deed::CancelJob),
    act(Deed::RescheduleJob),
    act(Deed::DeleteJob),
    act(Deed::PauseQueue),
    act(Deed::ResumeQueue),
    act(Deed::PauseSchedule),
    act(Deed::ResumeSchedule),
    act(Deed::TriggerSchedule),
    act(Deed::CreateSchedule),
    act(Deed::UpdateSchedule),
    act(Deed::DeleteSchedule),
];

/// What serves a path, or the methods that it has instead. `None` is any other method.
pub(super) fn find(method: Option<Method>, path: &str) -> Result<Target, Vec<Method>> {
    let here: Vec<&Route> = ROUTES.iter().filter(|route| route.path == path).collect();
    let found = here.iter().find(|route| Some(route.method) == method);
    found.map(|route| route.target).ok_or_else(|| here.iter().map(|route| route.method).collect())
}

/// Whether the path has any method.
pub(super) fn is_known(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_found_and_what_acts_needs_its_right() {
        for route in ROUTES {
            assert_eq!(find(Some(route.method), route.path), Ok(route.target));
            assert_eq!(
                route.target.right().is_some(),
                !matches!(route.target, Target::Show(_) | Target::Changes)
            );
            assert!(!route.path.contains('/'), "{}: one segment", route.path);
        }
        assert_eq!(find(Some(Method::Post), "jobs"), Err(vec![Method::Get]));
        assert_eq!(find(Some(Method::Get), "retry-job"), Err(vec![Method::Post]));
        assert_eq!(find(None, "delete-job"), Err(vec![Method::Get, Method::Post]));
        assert_eq!(find(Some(Method::Get), "no-such"), Err(Vec::new()));
    }
}
