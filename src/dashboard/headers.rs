//! The headers of every response. Scripts and styles come from the dashboard's own files alone.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

// With `no-referrer`, browsers would send `Origin: null`, and no action could be told from one of another site.
const ALL: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// How long a browser may keep a response.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lasts {
    /// It shows data.
    Not,
    /// Its name has a hash of its content.
    ForEver,
}

/// Adds the headers.
pub(super) fn secure(headers: &mut HeaderMap, lasts: Lasts) {
    for (name, value) in ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let cache = match lasts {
        Lasts::Not => "no-store",
        Lasts::ForEver => "private, max-age=31536000, immutable",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
}
