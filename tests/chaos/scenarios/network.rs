//! The network between a process and the server is cut, closed, reset or half open.

use super::{Plan, Scenario};
use crate::checker::Figure;
use crate::fault::Fault;
use crate::workload::Kind;

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario::new("black-hole", Figure::BackEach, 5.0, 60, Plan::Lasting(Fault::CutWorker))
        .about("nothing passes between one worker and the server, and no end is told")
        .short(8),
    Scenario::new("black-hole-all", Figure::BackEach, 5.0, 60, Plan::Lasting(Fault::CutAll))
        .about("the same for all processes"),
    Scenario::new("refused", Figure::BackEach, 5.0, 90, Plan::Lasting(Fault::RefuseWorker))
        .about("the connections of one worker are reset, and new ones too")
        .short(8),
    Scenario::new("refused-all", Figure::BackEach, 5.0, 30, Plan::Lasting(Fault::RefuseAll))
        .about("the same for all processes"),
    Scenario::new("resets", Figure::Wait, 2.0, 20, Plan::Recurring(Fault::ResetSome, (100, 400)))
        .about("all connections of a random worker are reset, over and over"),
    Scenario::new("half-open", Figure::WaitLater, 0.3, 30, Plan::Lasting(Fault::HalfOpenListeners))
        .about("the server's ends of the listening connections are gone")
        .load(&[Kind::Plain], 2.0),
];
