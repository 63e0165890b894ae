//! Keeps pages of other sites from changing anything here. Any page that a browser shows can send requests to a port of the
//! same machine. Copy this file for routes that change something and ask for no password.

use actix_web::guard::GuardContext;

/// Returns whether the request only reads, or comes from no page of another site. A browser names the page in `Origin`. A
/// name that an attacker points at this machine shows in `Host`.
pub(crate) fn is_permitted(context: &GuardContext<'_>) -> bool {
    if context.head().method.is_safe() {
        return true;
    }
    let headers = context.head().headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text("host") else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let origin = text("origin");
    let is_own_page = origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    ["127.0.0.1", "localhost"].contains(&name) && is_own_page
}
