//! Stands for the crate `diesel` in the copy of the tests that `.ci/schema` makes: SQL that names the schema `mainspring`
//! goes to the schema of that run.

use std::sync::LazyLock;

use mainspring::Schema;

pub use ::diesel::*;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(env!("MAINSPRING_SCHEMA")).unwrap());

pub fn sql_query(sql: impl Into<String>) -> ::diesel::query_builder::SqlQuery {
    ::diesel::sql_query(SCHEMA.rewrite(&sql.into()))
}

pub mod connection {
    #[allow(unused_imports)]
    pub use ::diesel::connection::*;

    pub trait SimpleConnection {
        fn batch_execute(&mut self, sql: &str) -> ::diesel::QueryResult<()>;
    }

    impl SimpleConnection for ::diesel::PgConnection {
        fn batch_execute(&mut self, sql: &str) -> ::diesel::QueryResult<()> {
            ::diesel::connection::SimpleConnection::batch_execute(self, &super::SCHEMA.rewrite(sql))
        }
    }
}

/// Called for each database of a test before it is dropped: nothing was made under the usual name.
pub fn check(url: &str) {
    let Ok(mut conn) = PgConnection::establish(url) else { return };
    assert!(!schemas(&mut conn).contains(&"mainspring".into()) || std::thread::panicking());
}

#[test]
fn the_default_schema_of_a_migrated_database_is_the_other_one() {
    let database = super::database::TestDatabase::new();
    let schemas = schemas(&mut database.connection());
    assert!(schemas.contains(&env!("MAINSPRING_SCHEMA").into()), "{schemas:?}");
}

fn schemas(conn: &mut PgConnection) -> Vec<String> {
    let names = ::diesel::dsl::sql::<sql_types::Text>("SELECT nspname::text FROM pg_namespace");
    names.load(conn).unwrap()
}
