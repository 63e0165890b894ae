//! A statement with one bound value that Diesel keeps prepared under its text, which it does not with its own `sql_query`.

use std::marker::PhantomData;

use diesel::RunQueryDsl;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// SQL text with one `{}` for the value, and the SQL types of the value and of the columns that it answers.
pub(crate) struct Statement<'a, Value, Bind, Columns> {
    text: &'a str,
    value: Value,
    types: PhantomData<(Bind, Columns)>,
}

impl<'a, Value, Bind, Columns> Statement<'a, Value, Bind, Columns> {
    pub(crate) fn new(text: &'a str, value: Value) -> Self {
        Self { text, value, types: PhantomData }
    }
}

impl<Value: ToSql<Bind, Pg>, Bind, Columns> QueryFragment<Pg> for Statement<'_, Value, Bind, Columns>
where
    Pg: HasSqlType<Bind>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (before, after) = self.text.split_once("{}").unwrap_or((self.text, ""));
        out.push_sql(before);
        out.push_bind_param(&self.value)?;
        out.push_sql(after);
        Ok(())
    }
}

// The text decides.
impl<Value, Bind, Columns> QueryId for Statement<'_, Value, Bind, Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Value, Bind, Columns> Query for Statement<'_, Value, Bind, Columns> {
    type SqlType = Columns;
}

impl<Value, Bind, Columns> RunQueryDsl<PgConnection> for Statement<'_, Value, Bind, Columns> {}
