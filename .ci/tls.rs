//! Checks that every connection uses TLS where the connection string asks for it. Built by `.ci/tls` against the system's
//! libpq, because the one that tests are built with has no TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mainspring::diesel::sql_types::{BigInt, Text};
use mainspring::diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{
    Enqueue, JobContext, JobResult, NewJob, Scheduler, SchedulerError, StartPolicy, StoreError, Task, database,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Serialize, Deserialize)]
struct Look {}
impl Task for Look {
    const NAME: &'static str = "look";
}

#[derive(QueryableByName, Debug)]
struct Sessions {
    #[diesel(sql_type = BigInt)]
    all: i64,
    #[diesel(sql_type = BigInt)]
    plain: i64,
    #[diesel(sql_type = Text)]
    versions: String,
}

const SESSIONS: &str = "SELECT count(*) AS \"all\", count(*) FILTER (WHERE NOT ssl) AS plain, \
    coalesce(string_agg(DISTINCT version, ', '), '') AS versions \
    FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE backend_type = 'client backend'";

async fn look(_: Look, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    let found: Sessions = sql_query(SESSIONS).get_result(&mut *conn)?;
    job.data::<UnboundedSender<Sessions>>().send(found)?;
    Ok(())
}

fn main() {
    let folder = certificates();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(check(&folder));
    let _ = fs::remove_dir_all(&folder);
    println!("tls: every connection is checked");
}

async fn check(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let options = EmbeddedOptions::temporary().without_fsync().installed_only();
    let server = options.clone().setting("ssl", "on").setting("ssl_cert_file", file("server.crt"));
    let server = EmbeddedPostgres::start(server.setting("ssl_key_file", file("server.key"))).expect("a server with TLS");
    let at = |host: &str, rest: &str| url(server.url(), host, rest);

    let good = at("localhost", &format!("sslmode=verify-full&sslrootcert={}", file("ca.crt")));
    all_connections_use_tls(&good).await;
    refused(&at("localhost", &format!("sslmode=verify-full&sslrootcert={}", file("other.crt"))), "certificate").await;
    refused(&at("localhost", "sslmode=verify-full&sslrootcert=/no/such/file"), "/no/such/file").await;
    let by_address = format!("sslmode=verify-full&sslrootcert={}", file("ca.crt"));
    refused(&at("127.0.0.1", &by_address), "127.0.0.1").await;

    let plain = EmbeddedPostgres::start(options).expect("a server without TLS");
    for mode in ["require", "verify-ca", "verify-full"] {
        let rest = format!("sslmode={mode}&sslrootcert={}", file("ca.crt"));
        refused(&url(plain.url(), "localhost", &rest), "`ssl = on`").await;
    }
}

// Notifications come through the listening connection: no poll is due before the jobs have run.
async fn all_connections_use_tls(url: &str) {
    let (found, mut looks) = unbounded_channel::<Sessions>();
    let builder = Scheduler::builder(url).handler(look).app_data(found).poll_interval(Duration::from_secs(15));
    let scheduler = builder.start().await.expect("the scheduler starts");
    scheduler.enqueue(Enqueue::new(Look {})).await.expect("a job is stored");
    let mut conn = database::connect(url).expect("a connection");
    let add = NewJob::new(Look::NAME, &serde_json::json!({})).queue("q");
    for _ in 0..3 {
        add.clone().insert(&mut conn).expect("a job is stored");
    }
    for _ in 0..4 {
        let look = tokio::time::timeout(Duration::from_secs(10), looks.recv()).await;
        let look = look.expect("a notification comes in time").expect("the scheduler runs");
        assert!(look.all >= 5 && look.plain == 0, "{look:?}");
        println!("tls: {} sessions, all with {}", look.all, look.versions);
    }
    scheduler.stop().await;
}

async fn refused(url: &str, words: &str) {
    let Some(StoreError::Config(direct)) = database::connect(url).err() else { panic!("no refusal: {words}") };
    // It would try again for longer than anybody waits.
    let patient = StartPolicy::WaitFor(Duration::from_secs(24 * 3_600));
    let started = Scheduler::builder(url).handler(look).start_policy(patient).start().await;
    let Err(SchedulerError::Config(started)) = started else { panic!("no refusal: {words}: {started:?}") };
    for error in [direct, started] {
        assert!(error.contains(words), "{words}: {error}");
        println!("tls: refused: {error}");
    }
}

fn url(url: &str, host: &str, rest: &str) -> String {
    let (credentials, place) = url.rsplit_once('@').expect("a URL with a password");
    let (_, port) = place.split_once(':').expect("a URL with a port");
    format!("{credentials}@{host}:{port}?{rest}")
}

/// Makes a CA, a certificate of it for `localhost` alone, and another CA. The server's user must be able to read the key.
fn certificates() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mainspring-tls-{}", std::process::id()));
    fs::create_dir(&folder).expect("a new folder");
    let script = "set -e; cd \"$1\"; chmod 755 .
        for ca in ca other; do
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj \"/CN=$ca\" -keyout $ca.key -out $ca.crt
        done
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
        echo 'subjectAltName = DNS:localhost' >names
        openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt
        chmod 644 *.crt; chmod 600 server.key
        if [ \"$(id -u)\" = 0 ]; then chown \"$(id -u postgres 2>/dev/null || id -u nobody)\" server.key; fi";
    let made = Command::new("sh").args(["-c", script, "sh"]).arg(&folder).output().expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}
