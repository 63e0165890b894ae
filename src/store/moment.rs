//! A time as the database returns it. PostgreSQL holds times that Rust cannot represent, and infinity. They are read as the
//! first or the last moment of the years 1 to 9999, so that one such row fails no statement.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::data_types::PgTimestamp;
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Timestamptz;

/// A time, read so that it never fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl From<Moment> for DateTime<Utc> {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

// The first and the last microsecond of the years 1 to 9999, counted from the year 2000 as PostgreSQL does.
const FIRST: i64 = -63_082_281_600_000_000;
const LAST: i64 = 252_455_615_999_999_999;

impl FromSql<Timestamptz, Pg> for Moment {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = FromSql::<Timestamptz, Pg>::from_sql(value)?;
        let epoch = DateTime::<Utc>::from_timestamp(946_684_800, 0).unwrap_or_default();
        Ok(Self(epoch + TimeDelta::microseconds(micros.clamp(FIRST, LAST))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::dsl::sql;
    use diesel::{RunQueryDsl, select};

    use crate::server::TestDatabase;

    #[test]
    fn every_time_is_read_or_clamped() {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        for (written, expected) in [
            ("2026-11-29 02:00:00.123456+00", "2026-11-29T02:00:00.123456Z"),
            ("1969-12-31 23:59:59.5+00", "1969-12-31T23:59:59.500Z"),
            ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00Z"),
            ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999Z"),
            ("0044-03-15 00:00:00+00 BC", "0001-01-01T00:00:00Z"),
            ("-infinity", "0001-01-01T00:00:00Z"),
            ("infinity", "9999-12-31T23:59:59.999999Z"),
            ("294276-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999Z"),
        ] {
            let query = select(sql::<Timestamptz>(&format!("'{written}'::timestamptz")));
            let Moment(read) = query.get_result(&mut conn).unwrap();
            assert_eq!(read.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true), expected, "{written}");
        }
    }
}
