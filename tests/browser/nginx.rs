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

impl Nginx {
    /// Passes `/ops/work/` on to the dashboard of that port, as the guide says. Below `/held/` it ignores what would have it pass
    /// events on at once.
    fn before(site: u16) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"));
        let location = |prefix: &str, more: &str| {
            format!(
                "location {prefix} {{ proxy_pass http://127.0.0.1:{site}/jobs/; proxy_set_header Host $http_host; {more} }}"
            )
        };
        let configuration = format!(
            "daemon off; user root root; pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; {} \
             server {{ listen 127.0.0.1:{port}; {} {} }} }}",
            temporary.concat(),
            location("/ops/work/", ""),
            location("/held/", "proxy_ignore_headers X-Accel-Buffering;"),
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
