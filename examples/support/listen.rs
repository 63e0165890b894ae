//! The address at which an example serves.

use std::net::TcpListener;

/// Listens at the port that `PORT` names, else at 8080, of this machine alone. Returns the address too.
pub(crate) fn listen() -> Result<(TcpListener, String), String> {
    let address = format!("127.0.0.1:{}", std::env::var("PORT").unwrap_or_else(|_| "8080".into()));
    let listener = TcpListener::bind(&address)
        .map_err(|error| format!("cannot listen on {address}: {error}; PORT names another port"))?;
    Ok((listener, address))
}
