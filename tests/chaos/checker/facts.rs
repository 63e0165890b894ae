//! What the database holds at the end.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

use crate::trouble::Outcome;

#[derive(Debug, Default)]
pub struct Facts {
    /// How each job stands: `succeeded`, `cancelled`, `dead`, or a state of a job that lives.
    pub jobs: HashMap<i64, Job>,
    /// The rows that transactional jobs have written.
    pub effects: Vec<Effect>,
    /// Fires that the database has counted as added more than once.
    pub double_fires: Vec<String>,
    /// How many jobs of a flood have run.
    pub flood: i64,
}

#[derive(Debug, QueryableByName)]
pub struct Job {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub state: String,
    /// The last error of a job that is not finished.
    #[diesel(sql_type = Text)]
    pub error: String,
}

#[derive(Debug, QueryableByName)]
pub struct Effect {
    #[diesel(sql_type = BigInt)]
    pub job: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Fire {
    #[diesel(sql_type = Text)]
    fire: String,
}

const JOBS: &str = "
    SELECT id, state::text, coalesce(last_error, '') AS error FROM mainspring.jobs WHERE task IN ('chaos', 'chaos.limited')
    UNION ALL SELECT id, outcome, '' FROM mainspring.history WHERE task IN ('chaos', 'chaos.limited')";
const FLOOD: &str = "SELECT count(*) FROM mainspring.history WHERE task = 'bare'";
const DOUBLE_FIRES: &str = "
    SELECT owner || ' ' || schedule || ' ' || due_at AS fire FROM mainspring.schedule_fires
    WHERE outcome = 'enqueued' AND NOT triggered GROUP BY owner, schedule, due_at HAVING count(*) > 1";

impl Job {
    pub fn lives(&self) -> bool {
        !matches!(self.state.as_str(), "succeeded" | "cancelled" | "dead")
    }
}

impl Facts {
    pub fn read(conn: &mut PgConnection) -> Outcome<Self> {
        let jobs: Vec<Job> = sql_query(JOBS).load(conn)?;
        let effects = sql_query("SELECT job FROM chaos.effects").load(conn)?;
        let flood: Count = sql_query(FLOOD).get_result(conn)?;
        let fires: Vec<Fire> = sql_query(DOUBLE_FIRES).load(conn)?;
        Ok(Self {
            jobs: jobs.into_iter().map(|job| (job.id, job)).collect(),
            effects,
            double_fires: fires.into_iter().map(|fire| fire.fire).collect(),
            flood: flood.count,
        })
    }
}
