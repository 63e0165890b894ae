//! A statement: the one door through which SQL goes to the database. Its text is written for the schema `mainspring`, and
//! runs in the schema of its session.
//!
//! Diesel keeps it prepared under its text, and reads its columns by their place. Diesel's own `sql_query` is prepared
//! each time, and reads columns by name.

use std::borrow::Cow;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Nullable, Text};

use super::encoding::naming;
use super::explain::explain;
use super::session::AsSession;
use crate::error::{Problem, StoreError};

/// SQL text with a `{}` for each bound value, and the SQL types of the columns it returns.
pub(super) struct Statement<'a, Columns> {
    text: Cow<'a, str>,
    /// The text for another schema than `mainspring`.
    rewritten: RefCell<Option<String>>,
    binds: Vec<Box<dyn QueryFragment<Pg> + 'a>>,
    /// Texts that people gave, with the names of their fields.
    texts: Vec<(&'static str, Cow<'a, str>)>,
    errors: Errors,
    columns: PhantomData<Columns>,
}

/// What an error of the statement does to a transaction of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    /// It ends the transaction, as the server does.
    EndTransaction,
    /// It undoes the statement alone.
    UndoStatement,
}

impl<'a, Columns> Statement<'a, Columns> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            text: text.into(),
            rewritten: RefCell::default(),
            binds: Vec::new(),
            texts: Vec::new(),
            errors: Errors::EndTransaction,
            columns: PhantomData,
        }
    }

    /// Lets a transaction of the caller go on after an error of this statement. It costs a savepoint there, so it is for verbs that
    /// people call, and not for those of jobs.
    pub(super) fn contained(mut self) -> Self {
        self.errors = Errors::UndoStatement;
        self
    }

    /// Binds the next value.
    pub(super) fn bind<S, V>(mut self, value: V) -> Self
    where
        S: 'a,
        V: ToSql<S, Pg> + 'a,
        Pg: HasSqlType<S>,
    {
        self.binds.push(Box::new(Bound { value, sql_type: PhantomData::<S> }));
        self
    }

    /// Binds the text of a field. If the database cannot hold it, the error names the field.
    pub(super) fn text(self, field: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        self.text_or_null(field, Some(text))
    }

    /// Binds the text of a field, as [`text`](Self::text) does, or NULL.
    pub(super) fn text_or_null(mut self, field: &'static str, text: Option<impl Into<Cow<'a, str>>>) -> Self {
        let text: Option<Cow<'a, str>> = text.map(Into::into);
        self.texts.extend(text.clone().map(|text| (field, text)));
        self.bind::<Nullable<Text>, _>(text)
    }

    /// Runs the statement, and returns how many rows it changed.
    pub(super) fn execute<'q>(&'q self, conn: &mut impl AsSession) -> Result<usize, StoreError>
    where
        &'q Self: ExecuteDsl<PgConnection>,
    {
        self.run(conn, |conn| RunQueryDsl::execute(self, conn))
    }

    /// Runs the statement, and returns all its rows.
    pub(super) fn load<'q, Row>(&'q self, conn: &mut impl AsSession) -> Result<Vec<Row>, StoreError>
    where
        &'q Self: LoadQuery<'q, PgConnection, Row>,
    {
        self.run(conn, |conn| RunQueryDsl::load(self, conn))
    }

    /// Runs the statement, and returns its first row. No row is an error.
    pub(super) fn get_result<'q, Row>(&'q self, conn: &mut impl AsSession) -> Result<Row, StoreError>
    where
        &'q Self: LoadQuery<'q, PgConnection, Row>,
    {
        self.run(conn, |conn| RunQueryDsl::get_result(self, conn))
    }

    fn run<T>(
        &self,
        conn: &mut impl AsSession,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut session = conn.as_session();
        if let Cow::Owned(text) = session.schema.rewrite(&self.text) {
            self.rewritten.replace(Some(text));
        }
        if let Some(problem) = self.texts.iter().find_map(|(field, text)| nul_problem(field, text)) {
            return Err(problem.into());
        }
        let done = match self.errors {
            Errors::EndTransaction => session.settled(work),
            Errors::UndoStatement => session.contained(work),
        };
        let done = done.map_err(|error| explain(&mut session, &self.text, error));
        done.map_err(|error| {
            naming(&mut session, error, self.texts.iter().map(|(field, text)| (*field, &**text)))
        })
    }
}

// A century: far beyond use, far within what PostgreSQL can add to a time or take from it.
const LONGEST_MILLIS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// A duration as SQL takes it, in whole milliseconds, at most a century of them.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(LONGEST_MILLIS)
}

/// What is wrong with a field's text that PostgreSQL cannot hold: it takes every character but NUL.
pub(super) fn nul_problem(field: &str, text: &str) -> Option<Problem> {
    let problem = || Problem::new(field.to_owned(), "must not contain the character NUL", "one");
    text.contains('\0').then(problem)
}

impl<Columns> QueryFragment<Pg> for Statement<'_, Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        let rewritten = self.rewritten.borrow();
        let mut texts = rewritten.as_deref().unwrap_or(&self.text).split("{}");
        out.push_sql(texts.next().unwrap_or_default());
        for text in texts {
            if let Some(bound) = binds.next() {
                bound.walk_ast(out.reborrow())?;
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

// The text decides: no static id, so that Diesel keeps the prepared statement under the text.
impl<Columns> QueryId for Statement<'_, Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for Statement<'_, Columns> {
    type SqlType = Columns;
}

impl<Columns> RunQueryDsl<PgConnection> for &Statement<'_, Columns> {}

struct Bound<S, V> {
    value: V,
    sql_type: PhantomData<S>,
}

impl<S, V> QueryFragment<Pg> for Bound<S, V>
where
    V: ToSql<S, Pg>,
    Pg: HasSqlType<S>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param(&self.value)
    }
}
