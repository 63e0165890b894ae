//! The routes, as a table: the path below the prefix, what it shows or does, and which right that needs. A path has one segment,
//! so that every link between pages is one too; those of the JSON API have `api/` before it. Names are in queries, because proxies change `%2F` and `..` in paths.

use super::access::Right;
pub(super) use super::deed::Deed;

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
    Operations,
    Operation,
    Workflows,
    Workflow,
}

/// What a route of the API reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    OpenApi,
    Status,
    Gauges,
    Doctor,
    Health,
    Jobs,
    Job,
    Explain,
    History,
    Tasks,
    TaskLimits,
    Stats,
    Queues,
    Queue,
    Families,
    Schedules,
    Schedule,
    Lines,
    Errors,
    Error,
    Workers,
    Audit,
    CountJobs,
    Operations,
    Operation,
    Workflows,
    Workflow,
    WorkflowJobs,
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
    /// JSON of the API.
    Read(Data),
    /// A deed of the API, on what the JSON of its body names.
    Perform(Deed),
}

impl Target {
    /// The right that it needs beside reading.
    pub(super) const fn right(self) -> Option<Right> {
        match self {
            Self::Show(_) | Self::Changes | Self::Read(_) => None,
            Self::Ask(deed) | Self::Do(deed) | Self::Perform(deed) => Some(deed.right()),
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

const fn read(path: &'static str, data: Data) -> Route {
    Route { method: Method::Get, path, target: Target::Read(data) }
}

const fn perform(path: &'static str, deed: Deed) -> Route {
    Route { method: Method::Post, path, target: Target::Perform(deed) }
}

pub(super) const ROUTES: &[Route] = &[
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
    show("operations", Screen::Operations),
    show("operation", Screen::Operation),
    show("workflows", Screen::Workflows),
    show("workflow", Screen::Workflow),
    ask(Deed::AddJob),
    ask(Deed::CancelJob),
    ask(Deed::RescheduleJob),
    ask(Deed::ReleaseJob),
    ask(Deed::ClearSteps),
    ask(Deed::DeleteJob),
    ask(Deed::CreateSchedule),
    ask(Deed::UpdateSchedule),
    ask(Deed::DeleteSchedule),
    ask(Deed::ActOnMany),
    ask(Deed::CancelWorkflow),
    ask(Deed::SendSignal),
    act(Deed::AddJob),
    act(Deed::RetryJob),
    act(Deed::CancelJob),
    act(Deed::RescheduleJob),
    act(Deed::ReleaseJob),
    act(Deed::ClearSteps),
    act(Deed::DeleteJob),
    act(Deed::PauseQueue),
    act(Deed::ResumeQueue),
    act(Deed::PauseSchedule),
    act(Deed::ResumeSchedule),
    act(Deed::TriggerSchedule),
    act(Deed::CreateSchedule),
    act(Deed::UpdateSchedule),
    act(Deed::DeleteSchedule),
    act(Deed::ActOnMany),
    act(Deed::PauseOperation),
    act(Deed::ResumeOperation),
    act(Deed::StopOperation),
    act(Deed::RetryWorkflow),
    act(Deed::CancelWorkflow),
    act(Deed::SendSignal),
    read("api/openapi.json", Data::OpenApi),
    read("api/status", Data::Status),
    read("api/gauges", Data::Gauges),
    read("api/doctor", Data::Doctor),
    read("api/health", Data::Health),
    read("api/jobs", Data::Jobs),
    read("api/job", Data::Job),
    read("api/explain", Data::Explain),
    read("api/history", Data::History),
    read("api/tasks", Data::Tasks),
    read("api/task-limits", Data::TaskLimits),
    read("api/stats", Data::Stats),
    read("api/queues", Data::Queues),
    read("api/queue", Data::Queue),
    read("api/families", Data::Families),
    read("api/schedules", Data::Schedules),
    read("api/schedule", Data::Schedule),
    read("api/lines", Data::Lines),
    read("api/errors", Data::Errors),
    read("api/error", Data::Error),
    read("api/workers", Data::Workers),
    read("api/audit", Data::Audit),
    read("api/count-jobs", Data::CountJobs),
    read("api/operations", Data::Operations),
    read("api/operation", Data::Operation),
    read("api/workflows", Data::Workflows),
    read("api/workflow", Data::Workflow),
    read("api/workflow-jobs", Data::WorkflowJobs),
    perform("api/add-job", Deed::AddJob),
    perform("api/retry-job", Deed::RetryJob),
    perform("api/cancel-job", Deed::CancelJob),
    perform("api/reschedule-job", Deed::RescheduleJob),
    perform("api/release-job", Deed::ReleaseJob),
    perform("api/clear-steps", Deed::ClearSteps),
    perform("api/delete-job", Deed::DeleteJob),
    perform("api/pause-queue", Deed::PauseQueue),
    perform("api/resume-queue", Deed::ResumeQueue),
    perform("api/pause-schedule", Deed::PauseSchedule),
    perform("api/resume-schedule", Deed::ResumeSchedule),
    perform("api/trigger-schedule", Deed::TriggerSchedule),
    perform("api/create-schedule", Deed::CreateSchedule),
    perform("api/update-schedule", Deed::UpdateSchedule),
    perform("api/delete-schedule", Deed::DeleteSchedule),
    perform("api/act-on-many", Deed::ActOnMany),
    perform("api/pause-operation", Deed::PauseOperation),
    perform("api/resume-operation", Deed::ResumeOperation),
    perform("api/stop-operation", Deed::StopOperation),
    perform("api/retry-workflow", Deed::RetryWorkflow),
    perform("api/cancel-workflow", Deed::CancelWorkflow),
    perform("api/send-signal", Deed::SendSignal),
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
    use crate::dashboard::api::PREFIX;

    #[test]
    fn each_route_is_found_and_what_acts_needs_its_right() {
        for &route in ROUTES {
            assert_eq!(find(Some(route.method), route.path), Ok(route.target));
            let reads = matches!(route.target, Target::Show(_) | Target::Changes | Target::Read(_));
            assert_eq!(route.target.right().is_some(), !reads);
            let of_api = route.path.strip_prefix(PREFIX);
            assert!(!of_api.unwrap_or(route.path).contains('/'), "{}: one segment", route.path);
            assert_eq!(of_api.is_some(), matches!(route.target, Target::Read(_) | Target::Perform(_)));
            if let Target::Perform(deed) = route.target {
                assert_eq!(of_api, Some(deed.path()));
            }
        }
        assert_eq!(find(Some(Method::Post), "jobs"), Err(vec![Method::Get]));
        assert_eq!(find(Some(Method::Get), "retry-job"), Err(vec![Method::Post]));
        assert_eq!(find(None, "delete-job"), Err(vec![Method::Get, Method::Post]));
        assert_eq!(find(Some(Method::Get), "no-such"), Err(Vec::new()));
    }
}
