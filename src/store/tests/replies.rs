//! What the server replied, and what the driver reports of a connection that broke, are told apart.

use diesel::sql_types::Bool;

use crate::server::TestDatabase;
use crate::store::statement::Statement;

#[test]
fn a_closed_connection_is_no_refusal() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let mut error_of =
        |sql: &str| Statement::<(Bool,)>::new(sql).get_result::<(bool,)>(&mut conn).unwrap_err();
    let refused = error_of("SELECT 1 / 0 = 1");
    assert!(refused.is_refusal() && refused.is_reply(), "{refused}");
    for _ in 0..2 {
        // The first error is that of the statement during which it broke, the second that of a statement that is not sent.
        let closed = error_of("SELECT pg_terminate_backend(pg_backend_pid())");
        assert!(!closed.is_refusal() && !closed.is_reply(), "{closed}");
    }
}
