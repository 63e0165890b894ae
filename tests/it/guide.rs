//! The guide's SQL: every example of it runs as it is printed.

use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;

const CHAPTERS: [&str; 5] = [
    include_str!("../../docs/guide/adding.md"),
    include_str!("../../docs/guide/schedules.md"),
    include_str!("../../docs/guide/queues.md"),
    include_str!("../../docs/guide/sql.md"),
    include_str!("../../docs/guide/administration.md"),
];

#[test]
fn every_sql_example_of_the_guide_runs() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    // Rolled back at the end, roles included, which belong to the whole server.
    conn.batch_execute("BEGIN").unwrap();
    let mut examples = 0;
    for example in CHAPTERS.iter().flat_map(|chapter| chapter.split("```sql\n").skip(1)) {
        let (sql, _) = example.split_once("```").unwrap();
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        examples += 1;
    }
    conn.batch_execute("ROLLBACK").unwrap();
    assert!(examples >= 11, "only {examples} examples were found");
}
