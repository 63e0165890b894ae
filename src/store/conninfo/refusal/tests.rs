//! What libpq refuses is told in its words, and a password is not.

use super::*;

#[test]
fn what_libpq_cannot_read_is_told_in_its_words() {
    for (url, words) in [
        ("hello", "missing \"=\" after \"hello\""),
        ("hello", "postgres://user@host/database"),
        ("mysql://root@localhost/app", "missing \"=\" after \"mysql://root@localhost/app\""),
        ("mysql://root@localhost/app", "its scheme is `mysql`"),
        ("Postgres://localhost/app", "its scheme is `Postgres`"),
        ("jdbc:postgresql://localhost/app", "after \"jdbc:postgresql://localhost/app\""),
        ("postgres://localhost/app?sslmod=require", "invalid URI query parameter: \"sslmod\""),
        ("postgres://localhost/compass?sslmod=require", "invalid URI query parameter: \"sslmod\""),
        ("postgres://localhost/app?connect_timeout", "query parameter: \"connect_timeout\""),
        ("postgres://localhost/a%zz", "invalid percent-encoded token: \"a%zz\""),
        ("postgres://[::1/app", "end of string reached when looking for matching \"]\""),
        ("host=localhost sslmod=require", "invalid connection option \"sslmod\""),
        ("host=localhost dbname='app", "unterminated quoted string"),
        ("postgres://localhost/a\0b", "NUL character"),
    ] {
        let refusal = refusal(url).unwrap_or_default();
        assert!(refusal.contains(words) && !refusal.contains("percent-encoded (`@`"), "{url}: {refusal}");
    }
}

#[test]
fn beside_a_password_libpqs_words_are_those_about_the_rest() {
    for (url, words) in [
        ("postgres://user:cret@localhost/app?sslmod=require", "invalid URI query parameter: \"sslmod\""),
        ("postgres://user:se/cret@localhost/app?sslmod=require", "invalid URI query parameter: \"sslmod\""),
        ("postgres://:cret@localhost/a%zz", "invalid percent-encoded token: \"a%zz\""),
        ("mysql://root:cret@localhost/app", "its scheme is `mysql`"),
        ("postgres://user:se%cret@localhost/app", "percent-encoded (`@`"),
        ("postgres://localhost/app?user=u&password=se&cret", "percent-encoded (`@`"),
        ("postgres://us%zz%3Acret@localhost/app", "percent-encoded (`@`"),
        ("host=localhost password=se cret", "in single quotes"),
        ("host=localhost password = 'cret", "in single quotes"),
        ("host=localhost sslpassword=se cret", "in single quotes"),
        ("user:cret@localhost/app", "in single quotes"),
    ] {
        let refusal = refusal(url).unwrap_or_default();
        assert!(refusal.contains(words) && !refusal.contains("cret"), "{url}: {refusal}");
    }
}

#[test]
fn what_libpq_refuses_before_it_connects_is_told_in_its_words() {
    for (url, words) in [
        (
            "postgres://user:cret@localhost:abc/app",
            "invalid integer value \"abc\" for connection option \"port\"",
        ),
        ("postgres://localhost:70000/app", "invalid port number: \"70000\""),
        ("postgres://localhost:0/app", "invalid port number: \"0\""),
        ("host=a,b port=1,x", "invalid integer value \"x\" for connection option \"port\""),
        ("postgres://u:cret@localhost/app?sslmode=on", "invalid sslmode value: \"on\""),
        (
            "postgres://localhost/app?target_session_attrs=master",
            "invalid target_session_attrs value: \"master\"",
        ),
        ("postgres://localhost/app?channel_binding=yes", "invalid channel_binding value: \"yes\""),
        ("postgres://localhost/app?ssl_min_protocol_version=1", "ssl_min_protocol_version"),
        (
            "postgres://localhost/app?connect_timeout=soon",
            "invalid integer value \"soon\" for connection option",
        ),
        ("postgres://localhost/app?keepalives_idle=1s", "connection option \"keepalives_idle\""),
        ("service=no_such_service", "no_such_service"),
    ] {
        let refusal = refusal(url).unwrap_or_default();
        assert!(
            refusal.contains(words) && refusal.starts_with("libpq refuses to connect: "),
            "{url}: {refusal}"
        );
        assert!(!refusal.contains("cret"), "{url}: {refusal}");
    }
}

#[test]
fn a_part_of_a_password_that_libpq_takes_for_a_port_is_not_told() {
    assert_eq!(refusal("postgres://user:se/cret@localhost/app").as_deref(), Some(UNREADABLE_URL));
}

#[test]
fn tls_that_this_libpq_lacks_is_refused_with_what_to_do() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let refusal = refusal(&format!("postgres://localhost/app?sslmode={mode}")).unwrap_or_default();
        assert!(refusal.contains("without the feature `bundled-libpq`"), "{refusal}");
    }
}

#[test]
fn nothing_is_refused_that_some_server_may_take() {
    for url in [
        "postgres://localhost/app",
        "",
        "postgres://u:p%40%3A@a:1,b:2/app?application_name=me@home&sslmode=prefer",
        "postgres://u:p?q@localhost/app",
        "postgres://a,b/app?target_session_attrs=any&connect_timeout= 9 ",
        "host=/var/run/postgresql port='' user=u password='a b'",
        "postgres://no-such-host.invalid/app",
        "postgres://192.0.2.1:1/app?options=-c%20wrong%3D1",
    ] {
        assert_eq!(refusal(url), None, "{url}");
    }
}
