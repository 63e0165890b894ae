//! Whether the server and the schema fit this program.

use diesel::sql_types::{Bool, Integer, Text};

use super::check::{by_hand, command, finding};
use super::code::Code;
use super::finding::{Finding, Report};
use super::{Needs, looked, missing_right};
use crate::error::StoreError;
use crate::probe::clock_reason;
use crate::schema::Schema;
use crate::store::health::clock_difference;
use crate::store::migrate::verify;
use crate::store::session::Session;
use crate::store::statement::Statement;

const OLDEST: i32 = 14;
const NEWEST: i32 = 18;

/// Whether the tables can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Usable,
    Unusable,
}

/// Returns the number of the server's version, such as 150014.
pub(super) fn server_version(session: &mut Session<'_>) -> Result<i32, StoreError> {
    let text = "SELECT current_setting('server_version_num')::integer";
    Ok(Statement::<(Integer,)>::new(text).get_result::<(i32,)>(session)?.0)
}

/// Returns a finding if this version is not supported.
pub(super) fn unsupported(version: i32) -> Option<Finding> {
    let major = version / 10_000;
    if (OLDEST..=NEWEST).contains(&major) {
        return None;
    }
    let found = format!("the server is PostgreSQL {major}");
    let harm = "nothing is tested with this version, and statements may fail";
    let cure = by_hand("upgrade the server, or this program, to a version that supports the other");
    Some(finding(Code::ServerUnsupported, found, "PostgreSQL 14 to 18", harm, cure))
}

/// Adds what is wrong with the schema as a whole.
pub(super) fn examine(session: &mut Session<'_>, report: &mut Report) -> Result<Fit, StoreError> {
    // Its errors are results here. Most are no refusals of the server.
    let fit = looked(session, |session| {
        Ok(if is_there(session)? { verify(session) } else { Err(missing(session)) })
    })?;
    let error = match fit {
        Ok(Ok(())) => {
            clock(session, report)?;
            return Ok(Fit::Usable);
        }
        Ok(Err(error)) | Err(error) => error,
    };
    if let Some(found) = misfit(session.schema(), &error) {
        report.findings.push(found);
    } else if !error.is_refusal() {
        return Err(error);
    } else if let Some(right) = missing_right(session, Needs::Reading)? {
        report.skip(Code::SchemaOutdated, right);
    } else {
        report.skip(Code::SchemaOutdated, &format!("the server refuses the query: {error}"));
    }
    Ok(Fit::Unusable)
}

fn is_there(session: &mut Session<'_>) -> Result<bool, StoreError> {
    let name = session.schema().name().to_owned();
    let text = "SELECT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = {})";
    Ok(Statement::<(Bool,)>::new(text).bind::<Text, _>(name).get_result::<(bool,)>(session)?.0)
}

fn missing(session: &Session<'_>) -> StoreError {
    StoreError::SchemaMissing(format!("{} is not there", session.schema()))
}

fn misfit(schema: &Schema, error: &StoreError) -> Option<Finding> {
    let (code, harm, cure) = match error {
        StoreError::SchemaTooNew { .. } => {
            let harm = "this program claims nothing, so that it destroys nothing that it does not know";
            (
                Code::SchemaTooNew,
                harm,
                by_hand("update this program to the release that has migrated the schema"),
            )
        }
        StoreError::SchemaTooOld { .. } => {
            let harm = "a scheduler of this release does not start on it without migrating";
            (Code::SchemaOutdated, harm, command(schema, &["migrate"]))
        }
        StoreError::SchemaMissing(_) => {
            let harm = "no job can be added, and no scheduler works";
            (Code::SchemaMissing, harm, command(schema, &["migrate"]))
        }
        _ => return None,
    };
    let found = match error {
        StoreError::SchemaTooOld { missing, .. } => format!("the schema {schema} lacks {missing}"),
        StoreError::SchemaMissing(text) => format!("the schema {text}"),
        other => other.to_string(),
    };
    Some(finding(code, found, "the tables and functions of this program's release", harm, cure))
}

fn clock(session: &mut Session<'_>, report: &mut Report) -> Result<(), StoreError> {
    let Ok(difference) = looked(session, |session| clock_difference(session, "mainspring.now()"))? else {
        report.skip(Code::ClockDifference, "needs the rights of grant_read");
        return Ok(());
    };
    report.findings.extend(clock_reason(difference).map(|reason| {
        let harm =
            "times in logs are wrong, and handlers that compute with their own clock err; fires are right";
        let cure = by_hand("synchronise the clocks of both machines, for example with chrony");
        finding(Code::ClockDifference, reason.to_string(), "clocks that differ by at most 5 s", harm, cure)
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_versions_that_are_tested_are_supported() {
        for (version, code) in [
            (130_020, Some(Code::ServerUnsupported)),
            (140_000, None),
            (189_999, None),
            (190_000, Some(Code::ServerUnsupported)),
        ] {
            assert_eq!(unsupported(version).map(|finding| finding.code), code, "{version}");
        }
        let found = unsupported(130_020).unwrap();
        assert_eq!(found.to_string(), "the server is PostgreSQL 13");
    }
}
