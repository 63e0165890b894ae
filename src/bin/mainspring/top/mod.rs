//! `top`: what jobs do now, on a screen that follows, or line by line where the output is no terminal.

mod lines;
mod rates;
mod reading;
mod screen;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use crate::database::Database;
use crate::failure::Failure;
use crate::times::interval;
use rates::Rates;
use reading::Reading;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring top
  mainspring top --every 2s --task mail.send
  mainspring top --every 1m | tee -a mainspring.log";

#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    /// How long it waits between two looks, at least 1s.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = interval)]
    every: Duration,
    /// Only this task.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
}

pub(crate) fn run(database: Database, arguments: &TopArguments, out: &mut impl Write) -> Result<(), Failure> {
    let task = arguments.task.clone();
    let mut source = Source { database, link: Link::Whole, task, rates: Rates::default() };
    if std::io::stdout().is_terminal() {
        return screen::follow(&mut source, arguments.every);
    }
    lines::follow(&mut source, arguments.every, out)
}

/// Where readings come from. It keeps what the rates of the next one are computed from.
struct Source {
    database: Database,
    link: Link,
    task: Option<String>,
    rates: Rates,
}

#[derive(Debug, PartialEq, Eq)]
enum Link {
    Whole,
    /// The last look has failed.
    Broken,
}

impl Source {
    /// Looks, on a new connection if the look before has failed.
    fn read(&mut self) -> Result<Reading, Failure> {
        if std::mem::replace(&mut self.link, Link::Broken) == Link::Broken {
            self.database.reconnect()?;
        }
        let reading = Reading::read(&mut self.database.session(), self.task.as_deref(), &mut self.rates)?;
        self.link = Link::Whole;
        Ok(reading)
    }
}
