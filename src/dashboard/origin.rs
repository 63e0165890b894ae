//! Whether a request that changes something comes from a page of the dashboard's own site. Keeps no state, so any number of
//! servers may share the work.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};

/// Returns `true` if a page of the same origin has sent the request, as the browser says. A request that says nothing is refused.
///
/// `Sec-Fetch-Site` counts first: behind a proxy that changes `Host`, it is still true. Browsers send it to https and to
/// localhost. Elsewhere `Origin` must name the host that was asked.
pub(super) fn is_own(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => host(request).is_some_and(|host| names(origin, &host)),
        (None, None) => false,
    }
}

/// As [`is_own`], for the API. A request that says nothing is from a program, and no browser sends JSON to another site without
/// asking that site first.
pub(super) fn is_own_or_of_a_program(request: &HttpRequest) -> bool {
    let is_browser =
        request.headers().contains_key("sec-fetch-site") || request.headers().contains_key(ORIGIN);
    !is_browser || is_own(request)
}

/// The host and port that the client asked for. Names of a proxy's headers do not count.
pub(super) fn host(request: &HttpRequest) -> Option<String> {
    match request.headers().get(HOST) {
        Some(host) => host.to_str().ok().map(str::to_owned),
        // HTTP/2 has it as a part of the address.
        None => request.uri().authority().map(ToString::to_string),
    }
}

fn names(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| !host.is_empty() && authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn own(headers: &[(&str, &str)]) -> bool {
        let request = TestRequest::post().insert_header(("Host", "app.example:8080"));
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        is_own(&request.to_http_request())
    }

    #[test]
    fn only_a_page_of_the_same_origin_changes_something() {
        assert!(own(&[("Sec-Fetch-Site", "same-origin")]));
        assert!(own(&[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://outside.example")]));
        assert!(own(&[("Origin", "http://app.example:8080")]));
        assert!(own(&[("Origin", "https://APP.example:8080")]));
        for site in ["cross-site", "same-site", "none", ""] {
            let headers = [("Sec-Fetch-Site", site), ("Origin", "http://app.example:8080")];
            assert!(!own(&headers), "{site}");
        }
        for origin in [
            "null",
            "",
            "app.example:8080",
            "http://app.example",
            "http://app.example:8080.evil.example",
            "http://evil.example",
            "ftp://app.example:8080",
        ] {
            assert!(!own(&[("Origin", origin)]), "{origin}");
        }
        assert!(!own(&[]));
        let program = TestRequest::post().to_http_request();
        assert!(is_own_or_of_a_program(&program) && !is_own(&program));
        for header in ["Sec-Fetch-Site", "Origin"] {
            let foreign = TestRequest::post().insert_header((header, "cross-site")).to_http_request();
            assert!(!is_own_or_of_a_program(&foreign), "{header}");
        }
        assert!(!own(&[("X-Forwarded-Host", "evil.example"), ("Origin", "http://evil.example")]));
    }
}
