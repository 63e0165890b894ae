//! Seals stored values again with the current key of a key ring: payloads of jobs and schedules, steps, results, signals and properties.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::sql_types::{Integer, Nullable, Text};
use serde::Serialize;

use super::session::AsSession;
use super::statement::Statement;
use crate::error::StoreError;
use crate::sealed::{Again, KeyRing, resealed};

/// The rows of one look. Each may have a mebibyte.
const PAGE: i32 = 50;
/// Jobs may be added behind a look. So it begins again, until a look changes nothing.
const MOST_LOOKS: usize = 10;
/// Whether a value has something that is sealed with another key, and whether one may have something that is sealed.
const SEALED: &str =
    "jsonb_path_exists(VALUE, '$.**._sealed.key ? (@ != $key)', jsonb_build_object('key', {}))";
const MAYBE_SEALED: &str = "position(convert_to('_sealed', 'UTF8') IN v.value) > 0";

/// What [`all`] has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[must_use = "some values may be left"]
pub struct Resealed {
    /// Rows whose values are sealed with the current key now.
    pub resealed: u64,
    /// Rows that were changed at this moment, and jobs that ran. Another call finds them.
    pub busy: u64,
    /// Rows that cannot be opened, at most 100 of them, each with the reason.
    pub refused: Vec<String>,
    /// How many of these there are in all.
    pub refused_in_all: u64,
}

const MOST_REFUSED: usize = 100;

/// Where sealed values are stored.
struct Place {
    /// What a row is called.
    what: &'static str,
    /// Returns the place behind which the next page begins, the task, and the JSON where it is `SEALED`.
    read: &'static str,
    /// The value as `jsonb`. `None`: it is bytes in UTF-8 that neither `jsonb` nor the encoding of the database may hold. They are sent as
    /// base64, and their keys are looked at here.
    value: Option<&'static str>,
    /// Changes a row that is as it was read, and returns one row if it did.
    write: &'static str,
    /// A place before the first.
    first: &'static str,
}

const PLACES: [Place; 6] = [
    // First, because they make jobs.
    Place {
        what: "schedule",
        read: "SELECT v.id::text, v.task, CASE WHEN SEALED THEN v.payload::text END FROM mainspring.schedules AS v \
            WHERE v.id > {}::bigint ORDER BY v.id LIMIT {}",
        value: Some("v.payload"),
        write: "UPDATE mainspring.schedules AS s SET payload = g.after \
            FROM (SELECT {}::bigint AS id, {}::jsonb AS before, {}::jsonb AS after) AS g \
            WHERE s.id = g.id AND s.payload = g.before RETURNING 1",
        first: "-9223372036854775808",
    },
    Place {
        what: "job",
        read: "SELECT v.id::text, v.task, CASE WHEN SEALED THEN v.payload::text END FROM ( \
            SELECT j.id, j.task, j.payload FROM mainspring.jobs AS j WHERE j.id > {}::bigint ORDER BY j.id LIMIT {}) AS v ORDER BY v.id",
        value: Some("v.payload"),
        // Steps belong to the payload for which they were done.
        write: "WITH given AS (SELECT {}::bigint AS id, {}::jsonb AS before, {}::jsonb AS after), \
            done AS (UPDATE mainspring.jobs AS j SET payload = g.after FROM given AS g \
                WHERE j.id = g.id AND j.payload = g.before AND j.state <> 'running' RETURNING j.id), \
            steps AS (UPDATE mainspring.steps AS s SET payload_hash = jsonb_hash_extended(g.after, 0) FROM given AS g, done AS d \
                WHERE s.job_id = d.id AND s.payload_hash = jsonb_hash_extended(g.before, 0)) \
            SELECT 1 FROM done",
        first: "-9223372036854775808",
    },
    Place {
        what: "step",
        read: "SELECT v.job_id || ' ' || v.position, '', CASE WHEN SEALED THEN encode(v.value, 'base64') END FROM mainspring.steps AS v, (SELECT {}::text AS place) AS p \
            WHERE (v.job_id, v.position) > (split_part(p.place, ' ', 1)::bigint, split_part(p.place, ' ', 2)::integer) \
            ORDER BY v.job_id, v.position LIMIT {}",
        value: None,
        write: "UPDATE mainspring.steps AS s SET value = decode(g.after, 'base64') \
            FROM (SELECT {}::text AS place, {}::text AS before, {}::text AS after) AS g \
            WHERE s.job_id = split_part(g.place, ' ', 1)::bigint AND s.position = split_part(g.place, ' ', 2)::integer \
                AND s.value = decode(g.before, 'base64') RETURNING 1",
        first: "-9223372036854775808 0",
    },
    Place {
        what: "result of job",
        read: "SELECT v.job_id::text, '', CASE WHEN SEALED THEN encode(v.value, 'base64') END FROM mainspring.results AS v WHERE v.job_id > {}::bigint \
            ORDER BY v.job_id LIMIT {}",
        value: None,
        write: "UPDATE mainspring.results AS r SET value = decode(g.after, 'base64') \
            FROM (SELECT {}::bigint AS id, {}::text AS before, {}::text AS after) AS g \
            WHERE r.job_id = g.id AND r.value = decode(g.before, 'base64') RETURNING 1",
        first: "-9223372036854775808",
    },
    Place {
        what: "signal",
        read: "SELECT v.name, '', CASE WHEN SEALED THEN v.payload::text END FROM mainspring.signals AS v \
            WHERE v.name > {} ORDER BY v.name LIMIT {}",
        value: Some("v.payload"),
        write: "UPDATE mainspring.signals AS s SET payload = g.after \
            FROM (SELECT {} AS name, {}::jsonb AS before, {}::jsonb AS after) AS g \
            WHERE s.name = g.name AND s.payload = g.before RETURNING 1",
        first: "",
    },
    Place {
        what: "workflow",
        read: "SELECT v.id::text, '', CASE WHEN SEALED THEN v.properties::text END FROM mainspring.workflows AS v \
            WHERE v.id > {}::bigint ORDER BY v.id LIMIT {}",
        value: Some("v.properties"),
        write: "UPDATE mainspring.workflows AS w SET properties = g.after \
            FROM (SELECT {}::bigint AS id, {}::jsonb AS before, {}::jsonb AS after) AS g \
            WHERE w.id = g.id AND w.properties = g.before RETURNING 1",
        first: "-9223372036854775808",
    },
];

/// Seals all stored values again whose key is not the current one of the ring. It reads 50 rows at a time, and changes each row by
/// itself. Call it outside of a transaction: then each row is committed at once, and a call that ends early keeps what it has done.
///
/// The ring needs the old keys as well. What cannot be opened stays as it is, and is in the result. The role must own the schema.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn all(conn: &mut impl AsSession, ring: &KeyRing) -> Result<Resealed, StoreError> {
    let mut done = Resealed::default();
    for _ in 0..MOST_LOOKS {
        let before = done.resealed;
        done = Resealed { resealed: before, ..Resealed::default() };
        for place in &PLACES {
            look(conn, ring, place, &mut done)?;
        }
        if done.resealed == before {
            break;
        }
    }
    Ok(done)
}

fn look(
    conn: &mut impl AsSession,
    ring: &KeyRing,
    place: &Place,
    done: &mut Resealed,
) -> Result<(), StoreError> {
    let mut after = place.first.to_owned();
    loop {
        let rows = place.page(conn, ring, &after)?;
        let Some((last, ..)) = rows.last() else { return Ok(()) };
        after.clone_from(last);
        for (key, task, json) in rows {
            if let Some(json) = json {
                place.again(conn, ring, (&key, &task, &json), done)?;
            }
        }
    }
}

type Row = (String, String, Option<String>);

impl Place {
    fn page(&self, conn: &mut impl AsSession, ring: &KeyRing, after: &str) -> Result<Vec<Row>, StoreError> {
        let condition = self.value.map_or(MAYBE_SEALED.to_owned(), |value| SEALED.replace("VALUE", value));
        let mut statement =
            Statement::<(Text, Text, Nullable<Text>)>::new(self.read.replace("SEALED", &condition));
        if self.value.is_some() {
            statement = statement.bind::<Text, _>(ring.current().to_owned());
        }
        statement.bind::<Text, _>(after.to_owned()).bind::<Integer, _>(PAGE).load(conn)
    }

    fn again(
        &self,
        conn: &mut impl AsSession,
        ring: &KeyRing,
        (key, task, json): (&str, &str, &str),
        done: &mut Resealed,
    ) -> Result<(), StoreError> {
        let Some(text) = self.text_of(json) else {
            done.refuse(self.what, key, &"the value is no text in UTF-8");
            return Ok(());
        };
        let Again { json: again, problem } = resealed(&text, ring, task);
        if let Some(problem) = problem {
            done.refuse(self.what, key, &problem);
        }
        let Some(again) = again else { return Ok(()) };
        let again = if self.value.is_some() { again } else { STANDARD.encode(again) };
        let statement = Statement::<(Integer,)>::new(self.write).contained().bind::<Text, _>(key.to_owned());
        let statement = statement.bind::<Text, _>(json.to_owned()).bind::<Text, _>(again);
        match statement.load::<(i32,)>(conn) {
            Ok(changed) if changed.is_empty() => done.busy += 1,
            Ok(_) => done.resealed += 1,
            Err(error) if error.is_refusal() => done.refuse(self.what, key, &error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn text_of(&self, sent: &str) -> Option<String> {
        if self.value.is_some() {
            return Some(sent.to_owned());
        }
        // The server breaks it into lines.
        let bytes = STANDARD.decode(sent.replace('\n', "")).ok()?;
        String::from_utf8(bytes).ok()
    }
}

impl Resealed {
    fn refuse(&mut self, what: &str, key: &str, problem: &dyn Display) {
        self.refused_in_all += 1;
        if self.refused.len() < MOST_REFUSED {
            self.refused.push(format!("{what} {key}: {problem}"));
        }
    }
}
