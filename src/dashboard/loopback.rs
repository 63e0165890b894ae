//! Access for browsers on the same machine alone.

use std::net::{Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderName};

use super::access::Access;
use super::origin::host;

// A proxy on this machine passes requests of other machines on, and says so.
const PASSED_ON: [HeaderName; 3] =
    [FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// Returns a closure for [`dashboard`](super::dashboard()) that denies every request from another machine, and leaves the others to
/// `access`.
///
/// A request is from this machine if its peer is a loopback address, if its `Host` is `localhost` or such an address, and if no
/// proxy has passed it on. A page of another site cannot reach the dashboard by a name that it points at 127.0.0.1: its
/// `Host` is that name.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use mainspring::Scheduler;
/// use mainspring::dashboard::{Access, Rights, loopback_only};
///
/// # async fn example(scheduler: Scheduler) -> std::io::Result<()> {
/// let dashboard = mainspring::dashboard("/jobs", &scheduler, loopback_only(|_| Access::Act(Rights::all())));
/// HttpServer::new(move || App::new().service(dashboard.clone())).bind("127.0.0.1:8080")?.run().await
/// # }
/// ```
pub fn loopback_only<A>(access: A) -> impl Fn(&HttpRequest) -> Access + Clone + Send + Sync + 'static
where
    A: Fn(&HttpRequest) -> Access + Clone + Send + Sync + 'static,
{
    move |request| if is_local(request) { access(request) } else { Access::Denied }
}

fn is_local(request: &HttpRequest) -> bool {
    let from_here = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let passed_on = PASSED_ON.iter().any(|name| request.headers().contains_key(name));
    from_here && !passed_on && host(request).is_some_and(|host| names_this_machine(&host))
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(peer: &str, host: &str) -> TestRequest {
        TestRequest::default().peer_addr(peer.parse().unwrap()).insert_header(("Host", host))
    }

    #[test]
    fn only_a_request_of_this_machine_has_access() {
        let access = loopback_only(|_| Access::Read);
        let of = |request: TestRequest| access(&request.to_http_request());
        for host in ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
            assert_eq!(of(asked("127.0.0.1:5", host)), Access::Read, "{host}");
        }
        assert_eq!(of(asked("[::1]:5", "[::1]:8080")), Access::Read);
        assert_eq!(of(asked("[::ffff:127.0.0.1]:5", "localhost")), Access::Read);
        for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.evil", "", ":80"] {
            assert_eq!(of(asked("127.0.0.1:5", host)), Access::Denied, "{host}");
        }
        assert_eq!(of(asked("10.0.0.1:5", "localhost")), Access::Denied);
        assert_eq!(of(TestRequest::default().insert_header(("Host", "localhost"))), Access::Denied);
        for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            let request = asked("127.0.0.1:5", "localhost").insert_header((header, "10.0.0.1"));
            assert_eq!(of(request), Access::Denied, "{header}");
        }
    }
}
