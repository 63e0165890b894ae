//! The laws of completed connection strings.

use super::*;

const COMPLETE: &str = "connect_timeout='3' keepalives='1' keepalives_idle='3' keepalives_interval='2' \
    keepalives_count='2' tcp_user_timeout='5000' target_session_attrs='primary'";

fn options(url: &str) -> Vec<(String, String)> {
    let text = CString::new(completed(url)).expect("a C string");
    let options = Options::parse(&text).expect("a readable string").read();
    options.into_iter().filter_map(|option| Some((option.keyword, option.value?))).collect()
}

fn value(url: &str, keyword: &str) -> Option<String> {
    options(url).into_iter().find(|(name, _)| name == keyword).map(|(_, value)| value)
}

#[test]
fn every_bound_is_added_to_a_string_of_either_form() {
    for url in ["postgres://u:p%40%27%5C@a:1,b:2/d", "host=a,b port=1,2 user=u password='p@\\'\\\\' dbname=d"]
    {
        let mut expected =
            vec![("host", "a,b"), ("port", "1,2"), ("user", "u"), ("password", "p@'\\"), ("dbname", "d")];
        let bounds = COMPLETE.split_whitespace().map(|bound| bound.split_once('=').expect("a pair"));
        expected.extend(bounds.map(|(keyword, value)| (keyword, value.trim_matches('\''))));
        let mut found = options(url);
        found.sort();
        let mut expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{url}");
    }
}

#[test]
fn what_the_string_says_stays() {
    let url = "postgres://a/d?connect_timeout=9&keepalives=0&keepalives_idle=8&tcp_user_timeout=0&target_session_attrs=any";
    for (keyword, said) in [
        ("connect_timeout", "9"),
        ("keepalives", "0"),
        ("keepalives_idle", "8"),
        ("tcp_user_timeout", "0"),
        ("target_session_attrs", "any"),
        ("keepalives_count", "2"),
    ] {
        assert_eq!(value(url, keyword).as_deref(), Some(said), "{keyword}");
    }
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    for url in ["postgres://a%zz/d", "host=a password='b", "a\0b", "nothing"] {
        assert_eq!(completed(url), url);
    }
}

#[test]
fn a_string_for_any_server_takes_any() {
    let text =
        CString::new(for_any_server("postgres://a/d?target_session_attrs=read-write")).expect("a C string");
    let options = Options::parse(&text).expect("a readable string").read();
    let attributes =
        options.into_iter().find(|option| option.keyword == ATTRIBUTES).and_then(|option| option.value);
    assert_eq!(attributes.as_deref(), Some("any"));
}

/// Not a test of its own: only another process may have another environment.
#[test]
#[ignore = "the other process of `what_a_service_file_and_the_environment_say_stays`"]
fn another_process_completes_a_string() {
    let keywords = ["connect_timeout", "target_session_attrs", "tcp_user_timeout", "keepalives_idle"];
    println!("found {:?}", keywords.map(|keyword| value("dbname=d", keyword).unwrap_or("-".into())));
}

#[test]
fn what_a_service_file_and_the_environment_say_stays() {
    let file = std::env::temp_dir().join(format!("mainspring-services-{}", std::process::id()));
    std::fs::write(&file, "[shop]\nhost=a\nkeepalives_idle=7\ntarget_session_attrs=standby\n")
        .expect("a file");
    let mut process = std::process::Command::new(std::env::current_exe().expect("this program"));
    process.args([
        "--exact",
        "--ignored",
        "--nocapture",
        "store::conninfo::tests::another_process_completes_a_string",
    ]);
    process.env("PGSERVICEFILE", &file).env("PGSERVICE", "shop").env("PGCONNECT_TIMEOUT", "9");
    let output = process.output().expect("the output of another process");
    let _ = std::fs::remove_file(&file);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(r#"found ["-", "-", "5000", "-"]"#), "{text}");
}

fn names(url: &str) -> Vec<String> {
    hosts(&completed(url)).into_iter().map(|host| host.name).collect()
}

#[test]
fn each_host_of_a_list_is_asked_with_its_own_port_and_address() {
    assert_eq!(names("postgres://u:p%27@a:1,b:2/d"), ["a:1", "b:2"]);
    assert_eq!(names("postgres://u@a,b/d"), ["a:", "b:"]);
    assert_eq!(names("host=a,b port=7"), ["a:7", "b:7"]);
    assert_eq!(names("host=a,b hostaddr=1.1.1.1,2.2.2.2 port=1,2"), ["a:1.1.1.1:1", "b:2.2.2.2:2"]);
    let alone = hosts(&completed("postgres://u:p%27@a:1,b:2/d"));
    for (keyword, said) in [("host", "b"), ("port", "2"), ("password", "p'"), ("connect_timeout", "3")] {
        assert_eq!(value(&alone[1].text, keyword).as_deref(), Some(said));
    }
}

#[test]
fn libpq_itself_chooses_where_more_is_asked_than_the_first_primary() {
    for url in [
        "postgres://a/d",
        "postgres://a,b/d?target_session_attrs=prefer-standby",
        "postgres://a,b/d?target_session_attrs=any",
        "host=a,b,c port=1,2",
        "host=a,b hostaddr=1.1.1.1",
        "user=u",
        "nothing",
    ] {
        assert_eq!(hosts(&completed(url)), [], "{url}");
    }
}
