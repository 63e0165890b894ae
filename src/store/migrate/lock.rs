//! The advisory lock under which one process at a time migrates. Any role that may connect can take it too, so the wait has
//! a bound, and its end names who holds the lock.

use std::thread;
use std::time::{Duration, Instant};

use diesel::sql_types::{Bool, Integer, Nullable, Text};

use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// Known before any function exists, so it follows from the name here. The second number keeps it apart from the locks that
// the application takes on hashes of its own names.
macro_rules! key {
    () => {
        "hashtextextended((parse_ident('mainspring.definitions'))[1], 1836216166)"
    };
}

const TRY: &str = concat!("SELECT pg_try_advisory_xact_lock(", key!(), ")");

// A lock of one number stands in the catalogue as its two halves.
const HOLDER: &str = concat!(
    "SELECT l.pid, a.usename::text FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid \
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND ((l.classid::bigint << 32) | l.objid::bigint) = ",
    key!(),
    " LIMIT 1"
);

// The server could wake us, but its time-out cannot be told from other errors by its code.
const PAUSE: Duration = Duration::from_millis(100);

/// How a wait for the lock has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The transaction has the lock.
    Taken,
    /// The holder of the lock has done the work.
    Needless,
}

/// Takes the lock until the end of the transaction. It waits no longer than this, and not once the work is done: of twenty
/// processes that wait for one, none waits for the others.
pub(super) fn take<C: AsSession>(
    conn: &mut C,
    patience: Duration,
    is_done: impl Fn(&mut C) -> Result<bool, StoreError>,
) -> Result<Wait, StoreError> {
    let deadline = Instant::now() + patience;
    while !Statement::<(Bool,)>::new(TRY).get_result::<(bool,)>(conn)?.0 {
        if is_done(conn)? {
            return Ok(Wait::Needless);
        }
        if Instant::now() > deadline {
            return Err(held(conn)?);
        }
        thread::sleep(PAUSE);
    }
    Ok(Wait::Taken)
}

fn held(conn: &mut impl AsSession) -> Result<StoreError, StoreError> {
    let schema = conn.as_session().schema().to_string();
    let holders: Vec<(i32, Option<String>)> =
        Statement::<(Integer, Nullable<Text>)>::new(HOLDER).load(conn)?;
    let holder = holders.first().map_or_else(
        || "another session".to_owned(),
        |(pid, user)| {
            let user = user.as_deref().map_or_else(String::new, |user| format!(" of the role {user}"));
            format!("the server's process {pid}{user}")
        },
    );
    Ok(StoreError::Locked(format!(
        "cannot migrate the schema {schema} now: {holder} holds the lock of its migrations"
    )))
}
