//! Style sheet and scripts, as files of the program. Their names have a hash of their content, so a browser keeps them for ever.

use std::sync::LazyLock;

/// One file.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) content: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", CSS, include_bytes!("assets/style.css")));
pub(super) static DASHBOARD: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("dashboard", "js", SCRIPT, include_bytes!("assets/dashboard.js")));
/// htmx 4.0.1, <https://htmx.org>, under the Zero-Clause BSD licence that lies beside it.
pub(super) static HTMX: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("htmx", "js", SCRIPT, include_bytes!("assets/htmx.min.js")));
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")));

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, content: &'static [u8]) -> Self {
        Self { name: format!("{stem}-{:016x}.{extension}", hash(content)), kind, content }
    }
}

/// The file of a name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    all().into_iter().find(|asset| asset.name == name)
}

fn all() -> [&'static Asset; 4] {
    [&*STYLE, &*DASHBOARD, &*HTMX, &*ICON]
}

// FNV-1a with 64 bits. It only has to notice a changed file.
fn hash(content: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    content.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_small_even_without_compression() {
        let bytes: usize = all().iter().map(|asset| asset.content.len()).sum();
        assert!(bytes <= 60_000, "{bytes} bytes");
        let names: std::collections::BTreeSet<_> = all().iter().map(|asset| &asset.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
