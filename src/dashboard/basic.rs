//! Access by name and password, as HTTP basic authentication sends them.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::access::Access;

/// Texts that are compared are filled up to a multiple of this, so that the time does not depend on their length.
const BLOCK: usize = 256;

/// Returns a closure for [`dashboard`](super::dashboard()): a request with this name and password has the access, and any other one
/// is asked for them. An empty password admits no request, so that a missing setting opens nothing. The audit log has the name, unless
/// the access has [another one](Access::by).
///
/// The comparison takes the same time wherever the texts differ. The browser sends the password with each request, so serve
/// it through TLS, or on loopback alone.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use mainspring::Scheduler;
/// use mainspring::dashboard::{Access, Rights, basic_auth};
///
/// # async fn example(scheduler: Scheduler, password: String) -> std::io::Result<()> {
/// let dashboard = mainspring::dashboard("/jobs", &scheduler, basic_auth("ops", password, Access::Act(Rights::all())));
/// HttpServer::new(move || App::new().service(dashboard.clone())).bind("127.0.0.1:8080")?.run().await
/// # }
/// ```
pub fn basic_auth(
    name: impl Into<String>,
    password: impl Into<String>,
    access: Access,
) -> impl Fn(&HttpRequest) -> Access + Clone + Send + Sync + 'static {
    let (name, password) = (name.into(), password.into());
    let access = if matches!(access, Access::Act(_)) { access.by(&name) } else { access };
    let expected = (!password.is_empty()).then(|| Secret::new(&format!("{name}:{password}")));
    let expected: Option<Arc<Secret>> = expected.map(Arc::new);
    move |request| match (&expected, credentials(request)) {
        (Some(expected), Some(sent)) if expected.is(&sent) => access.clone(),
        (Some(_) | None, Some(_) | None) => Access::SignIn,
    }
}

// As in RFC 7617: a scheme in any case, and `name:password` in base64.
fn credentials(request: &HttpRequest) -> Option<Vec<u8>> {
    let (scheme, encoded) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())?
}

struct Secret {
    filled: Vec<u8>,
    length: u64,
}

impl Secret {
    fn new(text: &str) -> Self {
        let width = text.len().div_ceil(BLOCK).max(1) * BLOCK;
        Self { filled: filled(text.as_bytes(), width), length: text.len() as u64 }
    }

    fn is(&self, sent: &[u8]) -> bool {
        let same = self.filled.ct_eq(&filled(sent, self.filled.len()));
        (same & self.length.ct_eq(&(sent.len() as u64))).into()
    }
}

fn filled(text: &[u8], width: usize) -> Vec<u8> {
    let mut filled = text[..text.len().min(width)].to_vec();
    filled.resize(width, 0);
    filled
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(access: &impl Fn(&HttpRequest) -> Access, header: &str) -> Access {
        access(&TestRequest::default().insert_header((AUTHORIZATION, header)).to_http_request())
    }

    #[test]
    fn only_the_exact_name_and_password_have_access() {
        let access = basic_auth("ops", "s3cret", Access::Read);
        let right = STANDARD.encode("ops:s3cret");
        assert_eq!(asked(&access, &format!("Basic {right}")), Access::Read);
        assert_eq!(asked(&access, &format!("basic {right}")), Access::Read);
        for sent in ["ops:s3cre", "ops:s3cret\0", "ops:s3crets", "Ops:s3cret", ":s3cret", "ops:", "", "ops"] {
            assert_eq!(asked(&access, &format!("Basic {}", STANDARD.encode(sent))), Access::SignIn, "{sent}");
        }
        for header in ["", "Basic", "Basic !", "Bearer s3cret", &format!("Digest {right}")] {
            assert_eq!(asked(&access, header), Access::SignIn, "{header}");
        }
        assert_eq!(access(&TestRequest::default().to_http_request()), Access::SignIn);
    }

    #[test]
    fn an_empty_password_admits_no_request_and_a_long_one_does() {
        let empty = basic_auth("ops", "", Access::Read);
        assert_eq!(asked(&empty, &format!("Basic {}", STANDARD.encode("ops:"))), Access::SignIn);
        let long = "x".repeat(BLOCK * 3);
        let access = basic_auth("ops", long.clone(), Access::Read);
        assert_eq!(
            asked(&access, &format!("Basic {}", STANDARD.encode(format!("ops:{long}")))),
            Access::Read
        );
        assert_eq!(
            asked(&access, &format!("Basic {}", STANDARD.encode(format!("ops:{long}y")))),
            Access::SignIn
        );
    }
}
