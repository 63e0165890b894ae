//! The dashboard behind nginx, below another prefix, also where nginx holds events back.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::browser::Browser;
use crate::live::{ADD_DEAD, ROWS, rows};
use crate::site::Site;
use crate::support::waiting::block_until;

const MISSING: &str =
    "this test needs nginx: install the package `nginx-light` of Debian, or what your system calls it";

struct Nginx {
    process: Child,
    port: u16,
    folder: PathBuf,
}

enum Listens {
    Plainly,
    WithTls,
}

impl Nginx {
    /// Passes `/ops/work/` on to the dashboard of that port, as the guide says. Below `/held/` it ignores what would have it pass
    /// events on at once.
    fn before(site: u16) -> Self {
        let held = "proxy_ignore_headers X-Accel-Buffering;";
        let locations = [location(site, "/ops/work/", ""), location(site, "/held/", held)].concat();
        Self::start(Listens::Plainly, &locations)
    }

    /// The same at `/jobs/` with TLS, by a certificate of an authority of its own: `authority.pem` in its folder.
    fn with_tls(site: u16) -> Self {
        let files = "ssl_certificate server.pem; ssl_certificate_key server.key; ";
        Self::start(Listens::WithTls, &[files, &location(site, "/jobs/", "")].concat())
    }

    fn start(listens: Listens, serves: &str) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let how = match listens {
            Listens::Plainly => "",
            Listens::WithTls => {
                certify(&folder);
                "ssl"
            }
        };
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"));
        let configuration = format!(
            "daemon off; user root root; pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; {} \
             server {{ listen 127.0.0.1:{port} {how}; {serves} }} }}",
            temporary.concat(),
        );
        std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).args(["-e", "stderr", "-c", "nginx.conf"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let process = command.spawn().unwrap_or_else(|error| panic!("{MISSING} ({error})"));
        let mut nginx = Self { process, port, folder };
        block_until("nginx listens", || nginx.listens());
        nginx
    }

    fn listens(&mut self) -> bool {
        if self.process.try_wait().unwrap().is_some() {
            let mut told = String::new();
            self.process.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("nginx has ended: {told}");
        }
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    async fn browse(&self, prefix: &str) -> Browser {
        Browser::start(&format!("http://127.0.0.1:{}{prefix}", self.port)).await
    }
}

fn location(site: u16, prefix: &str, more: &str) -> String {
    format!(
        "location {prefix} {{ proxy_pass http://127.0.0.1:{site}/jobs/; proxy_set_header Host $http_host; {more} }} "
    )
}

/// Makes an authority, another one, and a certificate of the first for this machine.
fn certify(folder: &Path) {
    let make = |name: &str, more: &[&str]| {
        let files = [format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}")];
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        command.args(["-keyout", &files[0], "-out", &files[1], "-subj", &files[2]]).args(more);
        let made = command.output().unwrap_or_else(|error| panic!("this test needs openssl ({error})"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    for name in ["authority", "another"] {
        make(name, &["-addext", "keyUsage=critical,keyCertSign"]);
    }
    let by = ["-CA", "authority.pem", "-CAkey", "authority.key"];
    let of = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    make("server", &[by, of].concat());
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A kill would leave its worker behind.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[actix_web::test]
#[ignore = "needs Chromium and nginx, for which `.ci/browser` looks"]
async fn behind_a_proxy_that_changes_the_prefix_all_works() {
    let site = Site::start().await;
    let nginx = Nginx::before(site.port);
    let browser = nginx.browse("/ops/work/").await;
    browser.go("").await;
    browser.click("nav a[href=jobs]").await;
    browser.click("nav.tabs a[href*='state=dead']").await;
    browser.run("window.marked = true").await;
    let before = rows(&browser).await;
    site.execute(ADD_DEAD);
    browser.until(&format!("{ROWS} === {}", before + 1)).await;
    assert_eq!(browser.run("return window.marked === true").await, true, "the page was loaded again");
    browser.click("main td a[href^='job?']").await;
    browser.press("Retry").await;
    browser.until_shown("The job waits again").await;
    assert!(browser.path().await.starts_with("job?id="));
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium and nginx, for which `.ci/browser` looks"]
async fn behind_a_proxy_that_holds_events_back_a_page_is_read_now_and_then() {
    let site = Site::start().await;
    let nginx = Nginx::before(site.port);
    let browser = nginx.browse("/held/").await;
    browser.go("jobs?state=dead").await;
    browser.run("window.marked = true").await;
    let before = rows(&browser).await;
    for more in 1..=2 {
        site.execute(ADD_DEAD);
        browser.until(&format!("{ROWS} === {}", before + more)).await;
    }
    assert_eq!(browser.run("return window.marked === true").await, true, "the page was loaded again");
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs nginx and openssl, for which `.ci/browser` looks"]
async fn the_program_trusts_the_authority_of_a_file_and_no_other() {
    let site = Site::start().await;
    let nginx = Nginx::with_tls(site.port);
    let url = format!("https://127.0.0.1:{}/jobs", nginx.port);
    let ask = async |authority: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
        command.args(["queues", "list", "--api", &url]).env_remove("MAINSPRING_API_PASSWORD");
        if let Some(file) = authority {
            command.arg("--api-ca").arg(nginx.folder.join(file));
        }
        // The site is served meanwhile.
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let own = ask(Some("authority.pem")).await;
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stderr));
    assert!(String::from_utf8(own.stdout).unwrap().contains("imports"));
    for other in [None, Some("another.pem")] {
        let refused = ask(other).await;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            refused.status.code() == Some(1) && told.contains("cannot reach https://127.0.0.1"),
            "{told}"
        );
    }
    site.stop().await;
}
