use super::*;
use crate::job_error::JobResult;

#[test]
fn an_error_of_a_database_out_of_reach_is_recognised_at_any_depth() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot charge the order")]
    struct Charge(#[source] Box<dyn Error + Send + Sync>);
    let connect = || StoreError::Connect("refused".into());
    let wrapped = |error: Box<dyn Error + Send + Sync>| JobError::from(Charge(Box::new(Charge(error))));
    for error in [
        JobError::from(connect()),
        JobError::from(SchedulerError::Store(connect())),
        JobError::from(DieselError::from(connect())),
        wrapped(Box::new(connect())),
        wrapped(Box::new(SchedulerError::Store(connect()))),
    ] {
        assert!(matches!(&error.0, FailureKind::OutOfReach(text) if text.contains("refused")), "{error:?}");
    }
    let manager =
        diesel::r2d2::ConnectionManager::<diesel::PgConnection>::new("postgres:///?host=/nowhere/at/all");
    let pool = r2d2::Pool::builder().connection_timeout(Duration::from_millis(1)).build_unchecked(manager);
    let exhausted = || pool.get().map(drop).unwrap_err();
    for error in [JobError::from(exhausted()), wrapped(Box::new(exhausted()))] {
        assert_eq!(error.kind(), JobErrorKind::OutOfReach, "{error:?}");
    }
    for error in [
        JobError::from("cannot connect to the database: refused"),
        wrapped(Box::new(StoreError::not_found("schedule", "cannot connect"))),
        wrapped(Box::new(SchedulerError::Stopped)),
        wrapped(Box::new(DieselError::NotFound)),
    ] {
        assert!(matches!(error.0, FailureKind::Failed(_)), "{error:?}");
    }
}

#[test]
fn an_error_of_anyhow_shows_a_database_out_of_reach_in_every_link() {
    use anyhow::Context;

    use crate::job_error::IntoJobResult;
    let refused = || StoreError::Connect("refused".into());
    let context: anyhow::Result<()> = Err(refused()).context("cannot charge");
    let returned: anyhow::Result<()> = Err(refused().into());
    for error in [
        JobError::from(anyhow::Error::from(refused())),
        JobError::from(anyhow::Error::from(SchedulerError::Store(refused()))),
        JobError::from(anyhow::Error::from(DieselError::from(refused()))),
        context.into_job_result().unwrap_err(),
        returned.into_job_result().unwrap_err(),
    ] {
        assert!(matches!(&error.0, FailureKind::OutOfReach(text) if text.ends_with("refused")), "{error:?}");
    }
    let other = JobError::from(anyhow::anyhow!("the file is missing").context("cannot charge"));
    assert_eq!(other.0, FailureKind::Failed("cannot charge: the file is missing".into()));
}

#[test]
fn any_error_becomes_a_retry_that_tells_the_whole_chain() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the report")]
    struct Outer(#[source] std::io::Error);
    let failed = || -> JobResult { Err(Outer(std::io::Error::other("disk on fire")))? };
    assert_eq!(failed().unwrap_err().to_string(), "cannot read the report: disk on fire");
    assert_eq!(JobError::from("plain text").to_string(), "plain text");
    let boxed: Box<dyn Error + Send + Sync> = "boxed".into();
    assert_eq!(JobError::from(boxed).0, FailureKind::Failed("boxed".into()));
}

#[test]
fn a_failure_inside_of_another_error_keeps_what_happens_to_the_job() {
    use anyhow::Context;
    let pause = Duration::from_secs(5);
    let anyhow = |error: JobError| anyhow::Error::from(error);
    assert_eq!(JobError::from(anyhow(JobError::snooze(pause))).0, FailureKind::Snooze(pause));
    let context: anyhow::Result<()> = Err(anyhow(JobError::retry_in(pause, "busy"))).context("cannot print");
    let expected = FailureKind::RetryIn(pause, "cannot print: busy".into());
    assert_eq!(JobError::from(context.unwrap_err()).0, expected);
    let boxed: Box<dyn Error + Send + Sync> = JobError::discard("useless").into_error().into();
    assert_eq!(JobError::from(boxed).0, FailureKind::Discard("useless".into()));
    let local: Box<dyn Error> = JobError::cancel("unwanted").into();
    let result: Result<(), Box<dyn Error>> = Err(local);
    let converted = crate::job_error::IntoJobResult::into_job_result(result);
    assert_eq!(converted.unwrap_err().0, FailureKind::Cancel("unwanted".into()));
    let lost = anyhow(JobError::from(StoreError::Connect("refused".into())));
    assert!(matches!(JobError::from(lost).0, FailureKind::OutOfReach(_)));
}
