//! The shapes that serde derives, one task each.

use std::collections::BTreeMap;

use mainspring::Task;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares a task with the derives that every shape has.
macro_rules! task {
    ($name:literal, $(#[$meta:meta])* $kind:ident $type:ident $($body:tt)*) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        $(#[$meta])*
        pub $kind $type $($body)*

        impl Task for $type {
            const NAME: &'static str = $name;
        }
    };
}

task!(
    "unit",
    #[derive(Default)]
    struct Unit;
);
task!(
    "new unit",
    #[derive(Default)]
    struct NewUnit(pub Unit);
);
task!(
    "option",
    #[derive(Default)]
    struct Optional(pub Option<u8>);
);
task!(
    "fields",
    #[derive(Default)]
    #[serde(default)]
    struct Fields {
        pub number: u8,
        pub text: String,
    }
);
task!(
    "braces",
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    struct Braces {}
);
task!(
    "map",
    #[derive(Default)]
    struct Mapped(pub BTreeMap<String, Value>);
);
task!(
    "sequence",
    #[derive(Default)]
    struct Sequence(pub Vec<u8>);
);
task!(
    "tuple of none",
    #[derive(Default)]
    struct NoTuple();
);
task!(
    "flat",
    #[derive(Default)]
    struct Flat {
        #[serde(flatten)]
        pub rest: BTreeMap<String, u8>,
    }
);

task!(
    "strict",
    #[serde(deny_unknown_fields)]
    struct Strict {
        pub number: u64,
        pub note: Option<String>,
    }
);
task!("tuple", struct Pair(pub u8, pub String););
task!(
    "external",
    enum External {
        Alone,
        New(u8),
        Named { number: u8 },
    }
);
task!(
    "internal",
    #[serde(tag = "kind", deny_unknown_fields)]
    enum Internal {
        Alone,
        Named { number: u8 },
    }
);
task!(
    "adjacent",
    #[serde(tag = "t", content = "c", deny_unknown_fields)]
    enum Adjacent {
        Alone,
        New(u8),
    }
);
task!(
    "untagged",
    #[serde(untagged, deny_unknown_fields)]
    enum Untagged {
        Number(u8),
        Named { number: u8 },
    }
);
task!(
    "rest",
    struct Rest {
        pub number: u8,
        #[serde(flatten)]
        pub rest: BTreeMap<String, u8>,
    }
);
