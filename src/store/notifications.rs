//! One connection of our own for LISTEN, which waits on its socket: it costs nothing while idle and wakes at once. It knows no
//! channel, and does not decide when to connect again.

use tokio::net::TcpStream;

use super::libpq::Session;
pub(crate) use super::libpq::{Notification, NotificationError};

/// A connection that listens. Dropping it closes it.
pub(crate) struct NotificationConnection {
    // Fields drop in this order: the registration goes before libpq closes the connection.
    socket: Option<TcpStream>,
    session: Session,
    probe: Probe,
}

/// Whether the server was asked for a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Answered,
    Sent,
}

impl NotificationConnection {
    /// Connects, blocking, with the same connection string and the same TLS as Diesel.
    pub(crate) fn connect(url: &str) -> Result<Self, NotificationError> {
        Ok(Self { socket: None, session: Session::open(url)?, probe: Probe::Answered })
    }

    /// Asks the server for a sign of life. [`Self::next_batch`] receives it. Called again before it has come, this reports the
    /// connection as lost: its peer may be gone without a word, and no socket shows that.
    pub(crate) fn probe(&mut self) -> Result<(), NotificationError> {
        if self.probe == Probe::Sent {
            return Err(NotificationError::Disconnected("the server does not reply any more".into()));
        }
        self.session.send_probe()?;
        self.probe = Probe::Sent;
        Ok(())
    }

    /// Runs one statement, blocking, and returns the first column of its first row. The text goes to the server as
    /// it is, so it must be our own.
    ///
    /// Notifications that come along with the result wait for [`Self::next_batch`].
    pub(crate) fn execute(&mut self, sql: &str) -> Result<Option<String>, NotificationError> {
        self.session.execute(sql)
    }

    /// Waits until notifications have arrived, and returns those there are, at least one, in their
    /// order. An error means that the connection is lost.
    ///
    /// Safe to cancel: there is no wait between taking notifications from libpq and returning them, so
    /// a future dropped halfway loses none. The first call binds the connection to the runtime it is
    /// awaited on, where later calls must be awaited too; without a runtime it panics.
    pub(crate) async fn next_batch(&mut self) -> Result<Vec<Notification>, NotificationError> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            unset => unset.insert(TcpStream::from_std(self.session.socket()?)?),
        };
        loop {
            // A flood of notifications must leave the other tasks of this thread their turns.
            tokio::task::consume_budget().await;
            // Query libpq first: what came with a command's result, or stayed in the buffers of TLS, no
            // longer makes the socket readable.
            let read = self.session.consume();
            // Behind a result that is not taken, libpq leaves notifications unread.
            if self.probe == Probe::Sent && self.session.has_replied() {
                self.probe = Probe::Answered;
            }
            let arrived = self.session.take_arrived(read)?;
            if !arrived.is_empty() {
                return Ok(arrived);
            }
            // Peeking leaves the bytes to libpq, and distinguishes "nothing to read" from "not all was read".
            socket.peek(&mut [0]).await?;
        }
    }
}

#[cfg(test)]
mod tests;
