//! One PostgreSQL for the whole test process, and a migrated database for each test. `DATABASE_URL`
//! names a server to use; otherwise a private one is started for the run, and stops with it.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{Database, EmbeddedOptions, database_url};

// Never dropped, as no static is: the server ends by itself when the process has ended.
static SERVER: LazyLock<Database> = LazyLock::new(start);
static TEMPLATE: Mutex<bool> = Mutex::new(false);
// The usual copy writes every page to the log, and takes three times as long. Older servers know no other than this one.
static STRATEGY: LazyLock<&str> = LazyLock::new(|| {
    let mut conn = PgConnection::establish(&url("postgres")).expect("connect to the server");
    let ask = "DO $$ BEGIN ASSERT current_setting('server_version_num')::integer >= 150000; END $$";
    if conn.batch_execute(ask).is_ok() { " STRATEGY file_copy" } else { "" }
});
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of its own, made from the migrated template, dropped at the end.
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    pub fn new() -> Self {
        let template = template();
        let name = unique_name();
        admin(&format!("CREATE DATABASE {name} TEMPLATE {template}{}", *STRATEGY));
        Self { name }
    }

    pub fn empty() -> Self {
        let name = unique_name();
        admin(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    /// An empty database that holds its texts in that encoding.
    pub fn encoded(encoding: &str) -> Self {
        let name = unique_name();
        admin(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        Self { name }
    }

    /// An empty database that compares texts by that locale of ICU; none where the server cannot.
    pub fn collated(locale: &str) -> Option<Self> {
        let name = unique_name();
        let mut conn = PgConnection::establish(&url("postgres")).expect("connect to the server");
        let create = format!(
            "CREATE DATABASE {name} ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE '{locale}' TEMPLATE template0"
        );
        conn.batch_execute(&create).ok().map(|()| Self { name })
    }

    pub fn url(&self) -> String {
        url(&self.name)
    }

    pub fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url()).expect("connect to the test's database")
    }
}

const WRITE_MOVES_DOWN: &str = "
    CREATE TABLE moves (old text, new text);
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.moves VALUES (CASE WHEN TG_OP <> 'INSERT' THEN OLD.state END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.state END);
        RETURN NULL;
    END $$;
    CREATE TRIGGER moves AFTER INSERT OR UPDATE OR DELETE ON mainspring.jobs
        FOR EACH ROW EXECUTE FUNCTION write_down();";

impl TestDatabase {
    /// Installs a trigger that writes each move of a job from state to state into the table `public.moves`. NULL is no row.
    pub fn write_moves_down(&self) {
        self.connection().batch_execute(WRITE_MOVES_DOWN).expect("write moves down");
    }

    /// Publishes a task whose payloads have no redacted values, as a worker would: so processes without its type show them.
    pub fn publish_unredacted(&self, task: &str) {
        self.publish_unredacted_in("mainspring", task);
    }

    /// The same in another schema.
    pub fn publish_unredacted_in(&self, schema: &str, task: &str) {
        let insert = format!(
            "INSERT INTO {schema}.tasks (name, version, redacts, published_by) VALUES ('{task}', 0, false, 'w')"
        );
        self.connection().batch_execute(&insert).expect("publish a task");
    }

    /// Cuts every connection and lets none in, as if the server were gone.
    pub fn go_away(&self) {
        admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name));
        admin(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    pub fn come_back(&self) {
        admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name));
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn start() -> Database {
    let options = EmbeddedOptions::temporary().without_fsync().setting("max_connections", "300");
    let server = database_url(options).unwrap_or_else(|error| panic!("{error}"));
    // Written past the capture of prints, because every report of a run needs the engine.
    let _ = writeln!(std::io::stderr(), "the tests run on {}", server.engine());
    note_secret(server.url());
    server
}

// `.ci/test` searches what all tests print for the passwords of their servers.
fn note_secret(url: &str) {
    let Some(file) = std::env::var_os("MAINSPRING_TEST_SECRETS") else { return };
    let credentials = url.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    let password = credentials.rsplit_once(':').map_or("", |(_, password)| password);
    // A short one, as of a server that somebody named, is a word that any text may hold.
    if password.len() >= 16 {
        let noted = std::fs::OpenOptions::new().append(true).open(file);
        noted.and_then(|mut file| writeln!(file, "{password}")).expect("note the server's password");
    }
}

fn unique_name() -> String {
    format!("mainspring_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn template() -> String {
    let name = format!("mainspring_template_{}", std::process::id());
    let mut made = TEMPLATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !*made {
        admin(&format!("DROP DATABASE IF EXISTS {name}"));
        admin(&format!("CREATE DATABASE {name}"));
        let mut conn = PgConnection::establish(&url(&name)).expect("connect to the template");
        mainspring::database::migrate(&mut conn).expect("migrate the template");
        *made = true;
    }
    name
}

fn admin(sql: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut conn = PgConnection::establish(&url("postgres")).expect("connect to the server");
    conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

// The server's URL with another database in it; what follows a question mark stays.
fn url(database: &str) -> String {
    let (address, parameters) = match SERVER.url().split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (SERVER.url(), String::new()),
    };
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{database}{parameters}", &address[..end])
}
