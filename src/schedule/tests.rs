use serde::Serialize;

use super::*;

#[test]
fn changes_name_only_what_was_set_and_null_clears() {
    let changes = ScheduleChanges::new().expression("0 3 * * *").queue(None).catch_up(CatchUp::All(7));
    assert_eq!(changes.to_json(), r#"{"catch_up":7,"expression":"0 3 * * *","queue":null}"#);
    let dates = ScheduleChanges::new().ends_at(Some(DateTime::UNIX_EPOCH)).overlap(Overlap::Skip);
    assert_eq!(dates.to_json(), r#"{"ends_at":"1970-01-01T00:00:00Z","overlap":"skip"}"#);
}

#[derive(Serialize)]
struct Import {
    tenant: String,
}
impl Task for Import {
    const NAME: &'static str = "import";
    const QUEUE: Option<&'static str> = Some("imports");
    const PRIORITY: Option<i16> = Some(-7);
    const MAX_ATTEMPTS: Option<i16> = Some(3);
    fn options(&self) -> JobOptions {
        Self::defaults().key(format!("import:{}", self.tenant)).flags(["slow"])
    }
}

#[test]
fn a_schedule_of_a_task_keeps_its_options_unless_it_says_otherwise() {
    let import = Import { tenant: "acme".into() };
    let kept = NewSchedule::of("a", &import, "@daily").unwrap();
    assert_eq!(
        kept.fields().to_json(),
        r#"{"expression":"@daily","flags":["slow"],"key":"import:acme","max_attempts":3,"overlap":"replace","payload":{"tenant":"acme"},"priority":-7,"queue":"imports","task":"import","version":0}"#
    );
    let changed = kept.queue(None).overlap(Overlap::Skip).fields().to_json();
    assert!(changed.contains(r#""queue":null"#) && changed.contains(r#""overlap":"skip""#));
}

#[test]
fn an_unreadable_expression_or_zone_is_refused_before_it_is_stored() {
    let told = |changes: ScheduleChanges| changes.validate().unwrap_err().to_string();
    assert!(
        told(ScheduleChanges::new().expression("61 * * * *")).starts_with("expression must have a minute")
    );
    assert_eq!(
        told(ScheduleChanges::new().zone("Mars")),
        "zone must be a time zone such as Europe/Paris, got `Mars`"
    );
}
