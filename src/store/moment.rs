//! The times that every program can read: the years 1 to 9999. PostgreSQL holds others, of which Rust cannot represent some,
//! and infinity. They are read as the first or the last readable time, so that one such row fails no statement.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::data_types::PgTimestamp;
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Timestamptz;

use crate::job::bounds::{FIRST_MICROS, LAST_MICROS};

/// A time, read so that it never fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl From<Moment> for DateTime<Utc> {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

// PostgreSQL counts from the year 2000.
const YEAR_2000: i64 = 946_684_800_000_000;

/// Returns the time so many microseconds after 1970, or the readable time that is nearest to it.
pub(crate) fn readable(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros.clamp(FIRST_MICROS, LAST_MICROS)).unwrap_or_default()
}

impl FromSql<Timestamptz, Pg> for Moment {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = FromSql::<Timestamptz, Pg>::from_sql(value)?;
        Ok(Self(readable(micros.saturating_add(YEAR_2000))))
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
