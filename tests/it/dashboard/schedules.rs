//! Schedules that a person makes, tries out, changes and deletes in the page, and the calendar of their fires.

use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Rights};
use mainspring::{NewSchedule, Overlap, ScheduleChanges};
use serde_json::json;

use super::{Reply, Site, TASK, ask, own};

const WEEKLY: &str = "name=acme%2Fweekly+1&task=report.publish&expression=0+9+*+*+mon&zone=Europe%2FBerlin\
    &payload=%7B%22report%22%3A+%22r7%22%7D&overlap=skip&catch_up=0&key=k&flags=slow&priority=-5&paused=on";

async fn asked(site: &Site, path: &str) -> Reply {
    let all = Access::Act(Rights::all());
    ask(site.dashboard(all), TestRequest::with_uri(&format!("/jobs/{path}"))).await
}

#[actix_web::test]
async fn a_person_tries_a_schedule_out_makes_it_and_deletes_it() {
    let site = Site::start().await;
    let form = asked(&site, "create-schedule").await;
    assert!(form.attributes("action").contains(&"create-schedule"), "{}", form.text);
    let before = site.rows();
    let preview = site.act("create-schedule", &format!("{WEEKLY}&what=preview")).await;
    assert_eq!((preview.status, site.rows()), (200, before));
    assert!(preview.text.contains("It fires at 09:00 on Monday"), "{}", preview.text);
    assert_eq!(preview.attributes("datetime").len(), 5, "{}", preview.text);
    for kept in ["acme/weekly 1", "Europe/Berlin", "{&quot;report&quot;: &quot;r7&quot;}", "selected"] {
        assert!(preview.text.contains(kept), "{kept}: {}", preview.text);
    }

    let done = site.act("create-schedule", WEEKLY).await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, "schedule?name=acme%2Fweekly+1&did=schedule-created")
    );
    assert!(site.read(done.header("location")).await.text.contains("The schedule is created."));
    let row = site.scheduler.schedules().require("acme/weekly 1").await.unwrap();
    assert_eq!((row.expression.as_str(), row.zone.as_str()), ("0 9 * * mon", "Europe/Berlin"));
    assert_eq!((row.payload, row.overlap, row.catch_up), (json!({"report": "r7"}), Overlap::Skip, 0));
    assert_eq!((row.key.as_deref(), row.priority, row.paused), (Some("k"), -5, true));
    assert_eq!(row.flags, Some(vec!["slow".to_owned()]));
    let again = site.act("create-schedule", WEEKLY).await;
    assert!(again.status == 400 && again.text.contains("there is already a schedule"), "{}", again.text);
    assert!(again.text.contains("value=\"acme/weekly 1\""), "what was typed stays: {}", again.text);

    let path = "delete-schedule?name=acme%2Fweekly+1";
    assert_eq!(asked(&site, path).await.attributes("action"), [path]);
    assert_eq!(site.act(path, "").await.header("location"), "schedules?did=schedule-deleted");
    assert_eq!(site.scheduler.schedules().get("acme/weekly 1").await.unwrap(), None);
    assert_eq!(site.act(path, "").await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_form_of_a_schedule_that_does_not_fit_comes_back_with_the_reason() {
    let site = Site::start().await;
    site.add_schedule("nightly").await;
    let seen = asked(&site, "update-schedule?name=nightly").await.attributes("value")[0].to_owned();
    let before = site.rows();
    for (wrong, reason) in [
        ("name=&task=t&expression=@daily", "name must be 1 to 128 characters"),
        ("name=a&task=&expression=@daily", "task must be 1 to 128 characters"),
        ("name=a&task=t&expression=", "expression"),
        ("name=a&task=t&expression=0+25+*+*+*", "hour"),
        ("name=a&task=t&expression=@daily&zone=Berlin", "zone must be a time zone"),
        ("name=a&task=t&expression=@daily&priority=high", "priority must be an integer"),
        ("name=a&task=t&expression=@daily&payload=%5B1%5D", "payload must be an object"),
        ("name=a&task=t&expression=@daily&payload=%7B", "payload must be a JSON object"),
        ("name=a&task=t&expression=@daily&key=k", "key must go with the overlap skip or replace"),
        ("name=a%00b&task=t&expression=@daily", "name"),
    ] {
        for path in ["create-schedule", "update-schedule?name=nightly"] {
            if path.starts_with("update") && wrong.starts_with("name=&") || wrong.contains("%00") {
                continue;
            }
            let wrong = format!("{wrong}&seen={}", seen.replace(':', "%3A"));
            let reply = site.act(path, &wrong).await;
            assert_eq!(reply.status, 400, "{path} {wrong}: {}", reply.text);
            assert!(reply.text.contains(reason), "{path} {wrong}: {}", reply.text);
            assert!(reply.text.contains("Nothing was changed."), "{}", reply.text);
        }
    }
    for path in ["create-schedule", "update-schedule?name=nightly"] {
        let reply = site.act(path, "task=t&expression=0+25+*+*+*&what=preview").await;
        assert_eq!(reply.status, 400, "{}", reply.text);
    }
    assert_eq!(site.act("update-schedule?name=none", WEEKLY).await.status, 404);
    assert_eq!(asked(&site, "update-schedule?name=none").await.status, 404);
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

/// The fields of the form as the page shows them, with some in place of its own.
fn sent(form: &Reply, with: &[(&str, &str)]) -> String {
    let mut fields: Vec<(String, String)> = Vec::new();
    for input in form.text.split("<input ").skip(1) {
        let tag = input.split('>').next().unwrap();
        let value = |name: &str| {
            let mark = format!("{name}=\"");
            tag.split(&mark).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        if let (Some(name), Some(text)) = (value("name"), value(" value").or_else(|| value("value"))) {
            fields.push((name, text));
        }
    }
    let payload = form.text.split("</textarea>").next().unwrap().rsplit('>').next().unwrap();
    fields.push(("payload".into(), payload.trim_start_matches('\n').replace("&quot;", "\"")));
    let overlap = form.text.split(" selected").next().unwrap().rsplit("value=\"").next().unwrap();
    fields.push(("overlap".into(), overlap.split('"').next().unwrap().into()));
    fields.retain(|(name, _)| with.iter().all(|(other, _)| other != name));
    fields.extend(with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&")
}

#[actix_web::test]
async fn a_change_in_the_page_leaves_alone_what_was_not_typed() {
    let site = Site::start().await;
    site.add_schedule("nightly").await;
    let path = "update-schedule?name=nightly";
    let form = asked(&site, path).await;
    let before = site.scheduler.schedules().require("nightly").await.unwrap();
    let done = site.act(path, &sent(&form, &[("expression", "0 10 * * *")])).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let mut after = site.scheduler.schedules().require("nightly").await.unwrap();
    assert_eq!(after.expression, "0 10 * * *");
    (after.expression, after.updated_at) = (before.expression.clone(), before.updated_at);
    after.next_fires.clone_from(&before.next_fires);
    assert_eq!(after, before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn two_people_who_change_a_schedule_do_not_undo_each_other_unknowingly() {
    let site = Site::start().await;
    site.add_schedule("nightly").await;
    let path = "update-schedule?name=nightly";
    let form = asked(&site, path).await;
    let other = ScheduleChanges::new().expression("0 11 * * *");
    site.scheduler.schedules().update("nightly", other).await.unwrap();
    let mine = sent(&form, &[("expression", "0 10 * * *")]);
    let reply = site.act(path, &mine).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert!(reply.text.contains("was changed meanwhile"), "{}", reply.text);
    assert_eq!(site.scheduler.schedules().require("nightly").await.unwrap().expression, "0 11 * * *");
    assert_eq!(site.act(path, &sent(&reply, &[])).await.status, 303);
    assert_eq!(site.scheduler.schedules().require("nightly").await.unwrap().expression, "0 10 * * *");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_payload_that_is_hidden_or_shown_in_part_stays_as_it_is() {
    let site = Site::start().await;
    site.database.publish_unredacted(TASK);
    site.add_schedule("nightly").await;
    let path = "update-schedule?name=nightly";
    let hiding = site.dashboard(Access::Act(Rights::all())).payloads(|_, _, mut payload| {
        payload["report"] = json!("hidden");
        Some(payload)
    });
    for dashboard in [site.dashboard(Access::Act(Rights::all())), hiding] {
        let form = ask(dashboard.clone(), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
        assert!(
            !form.text.contains("r7") && form.text.contains("You do not see the payload"),
            "{}",
            form.text
        );
        let changed = ask(dashboard, own(path, &sent(&form, &[("priority", "3")]))).await;
        assert_eq!(changed.status, 303, "{}", changed.text);
        let row = site.scheduler.schedules().require("nightly").await.unwrap();
        assert_eq!((row.payload, row.priority), (json!({"report": "r7"}), 3));
        site.scheduler.schedules().update("nightly", ScheduleChanges::new().priority(0)).await.unwrap();
    }
    let showing = site.dashboard(Access::Act(Rights::all())).payloads(|_, _, payload| Some(payload));
    let form = ask(showing.clone(), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
    assert!(form.text.contains("r7"), "{}", form.text);
    ask(showing, own(path, &sent(&form, &[("payload", "{\"report\": \"r8\"}")]))).await;
    let row = site.scheduler.schedules().require("nightly").await.unwrap();
    assert_eq!(row.payload, json!({"report": "r8"}));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_calendar_shows_each_fire_of_a_week_by_the_clock_of_a_zone() {
    let site = Site::start().await;
    let add = async |name: &str, expression: &str, zone: &str| {
        let new = NewSchedule::new(name, TASK, expression).zone(zone);
        site.scheduler.schedules().create(new).await.unwrap();
    };
    add("nightly", "30 23 * * *", "UTC").await;
    add("weekly", "0 9 * * wed", "Europe/Berlin").await;
    add("often", "*/5 * * * *", "UTC").await;
    add("asleep", "0 1 * * *", "UTC").await;
    site.scheduler.schedules().pause("asleep").await.unwrap();
    // A week in a year, in winter.
    let page = site.read("calendar?from=2031-01-06").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(
        page.text.matches("23:30</span> <a href=\"schedule?name=nightly\">").count(),
        7,
        "{}",
        page.text
    );
    assert_eq!(page.text.matches("08:00</span> <a href=\"schedule?name=weekly\">").count(), 1);
    assert!(!page.text.contains("asleep"));
    assert_eq!(page.text.matches("schedule?name=often").count(), 1, "once, above the days");
    let berlin = site.read("calendar?from=2031-01-06&zone=Europe%2FBerlin").await;
    assert_eq!(berlin.text.matches("00:30</span>").count(), 7, "{}", berlin.text);
    assert_eq!(berlin.text.matches("09:00</span>").count(), 1);
    let links = berlin.links();
    assert!(links.contains(&"calendar?zone=Europe%2FBerlin&from=2031-01-13".to_owned()), "{links:?}");
    assert!(site.read("calendar").await.text.contains("nightly"));
    for wrong in ["zone=Berlin", "from=soon", "from=9999-01-01", "from=-1"] {
        assert_eq!(site.read(&format!("calendar?{wrong}")).await.status, 400, "{wrong}");
    }
    site.scheduler.stop().await;
}
