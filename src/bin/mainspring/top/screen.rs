//! The screen: drawn at each look and each key, until `q`. An error is shown on it, and the next look tries again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Sparkline, Table};
use ratatui::{DefaultTerminal, Frame};

use super::Source;
use super::reading::{Activity, Order, Reading};
use crate::failure::Failure;
use crate::output::printable;
use crate::stats::duration;
use crate::status::{age, queue_cells, worker_cells};

/// What the screen shows, and how.
struct View {
    reading: Reading,
    /// Started jobs a second, the newest last.
    history: VecDeque<u64>,
    order: Order,
    /// How many tasks are above the first that is shown.
    above: usize,
    error: Option<String>,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Draw,
}

pub(super) fn follow(source: &mut Source, every: Duration) -> Result<(), Failure> {
    // What cannot be read at all is an error of the command, and not of a screen.
    let mut view = View::new(source.read()?);
    // Lines of the log would be written over the screen.
    log::set_max_level(log::LevelFilter::Off);
    let mut terminal = ratatui::try_init()?;
    let result = view.follow(&mut terminal, source, every);
    ratatui::try_restore()?;
    result
}

impl View {
    fn new(reading: Reading) -> Self {
        let mut view = Self { reading, history: VecDeque::new(), order: Order::Rate, above: 0, error: None };
        view.taken();
        view
    }

    fn follow(
        &mut self,
        terminal: &mut DefaultTerminal,
        source: &mut Source,
        every: Duration,
    ) -> Result<(), Failure> {
        loop {
            let next = Instant::now() + every;
            if self.serve_keys(terminal, next)? == Wish::Quit {
                return Ok(());
            }
            match source.read() {
                Ok(reading) => {
                    (self.reading, self.error) = (reading, None);
                    self.taken();
                }
                Err(failure) => self.error = Some(failure.in_one_line()),
            }
        }
    }

    fn taken(&mut self) {
        // A screen has no more columns.
        const LONGEST: usize = 1_000;
        self.reading.sort(self.order);
        self.history.push_back(self.reading.all.rate.started.round() as u64);
        if self.history.len() > LONGEST {
            self.history.pop_front();
        }
    }

    fn serve_keys(&mut self, terminal: &mut DefaultTerminal, until: Instant) -> Result<Wish, Failure> {
        loop {
            terminal.draw(|frame| self.draw(frame))?;
            let left = until.saturating_duration_since(Instant::now());
            if !event::poll(left)? {
                return Ok(Wish::Draw);
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press && self.press(key) == Wish::Quit => {
                    return Ok(Wish::Quit);
                }
                _ => {}
            }
        }
    }

    fn press(&mut self, key: KeyEvent) -> Wish {
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Wish::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char('s') => {
                self.order = self.order.next();
                self.reading.sort(self.order);
            }
            KeyCode::Up => self.above = self.above.saturating_sub(1),
            KeyCode::Down => self.above = (self.above + 1).min(self.reading.tasks.len().saturating_sub(1)),
            _ => {}
        }
        Wish::Draw
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let status = &self.reading.status;
        let rows = |rows: usize| if rows == 0 { 0 } else { (rows.min(8) + 2) as u16 };
        let [title, states, rates, history, tasks, queues, workers, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(4),
            Constraint::Min(3),
            Constraint::Length(rows(status.queues.len())),
            Constraint::Length(rows(status.workers.len())),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(self.title(), title);
        frame.render_widget(self.states(), states);
        frame.render_widget(self.rates(), rates);
        self.draw_history(frame, history);
        self.draw_tasks(frame, tasks);
        draw_table(
            frame,
            queues,
            ["QUEUE", "LIMIT", "WAITING", "RUNNING"],
            status.queues.iter().cloned().map(queue_cells),
        );
        draw_table(
            frame,
            workers,
            ["WORKER", "ID", "HEARTBEAT", "RUNNING", "TASKS"],
            status.workers.iter().cloned().map(worker_cells),
        );
        frame.render_widget(Paragraph::new(self.keys()).dim(), keys);
    }

    fn title(&self) -> Line<'_> {
        let at = self.reading.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut line = Line::from(vec![Span::from("mainspring top  ").bold(), Span::from(at)]);
        if self.reading.status.paused_since.is_some() {
            line.push_span("  everything is paused".yellow().bold());
        }
        if let Some(error) = &self.error {
            line.push_span(Span::from(format!("  {}", printable(error))).red().bold());
        }
        line
    }

    fn states(&self) -> Line<'_> {
        let jobs = self.reading.status.jobs;
        let oldest = match self.reading.status.oldest_ready_age_seconds {
            Some(seconds) => format!("  oldest ready {}", age(seconds)),
            None => String::new(),
        };
        let dead = Span::from(format!("  dead {}", count(jobs.dead)));
        Line::from(vec![
            Span::from(format!(
                "waiting {}  scheduled {}  parked {}  ready {}  running {}  held {}",
                count(jobs.waiting),
                count(jobs.scheduled),
                count(jobs.parked),
                count(jobs.ready),
                count(jobs.running),
                count(jobs.held)
            )),
            if jobs.dead > 0 { dead.red() } else { dead },
            Span::from(oldest),
        ])
    }

    fn rates(&self) -> Line<'_> {
        let Activity { rate, wait, run, .. } = &self.reading.all;
        let mut line = format!(
            "started {:.1}/s  succeeded {:.1}/s  failed {:.1}/s",
            rate.started, rate.succeeded, rate.failed
        );
        if wait.count() > 0 {
            line += &format!("  wait p99 {}  run p99 {}", duration(wait, 0.99), duration(run, 0.99));
        }
        Line::from(line)
    }

    fn draw_history(&self, frame: &mut Frame<'_>, area: Rect) {
        let [heading, bars] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(area);
        let most = self.history.iter().max().copied().unwrap_or_default();
        frame.render_widget(Line::from(format!("jobs started a second, at most {most}")).dim(), heading);
        let shown = self.history.len().min(bars.width.into());
        let newest: Vec<u64> = self.history.range(self.history.len() - shown..).copied().collect();
        frame.render_widget(Sparkline::default().data(newest), bars);
    }

    fn draw_tasks(&self, frame: &mut Frame<'_>, area: Rect) {
        let headings =
            ["TASK", "STARTED/S", "FAILED/S", "DEAD/S", "WAIT P50", "WAIT P99", "RUN P50", "RUN P99"];
        draw_table(frame, area, headings, self.reading.tasks.iter().skip(self.above).map(task_cells));
    }

    fn keys(&self) -> String {
        format!("q quit  s sort (by {})  up, down: tasks", self.order.as_str())
    }
}

fn task_cells(activity: &Activity) -> [String; 8] {
    let Activity { rate, wait, run, .. } = activity;
    [
        activity.name().to_owned(),
        format!("{:.2}", rate.started),
        format!("{:.2}", rate.failed),
        format!("{:.2}", rate.dead),
        duration(wait, 0.5),
        duration(wait, 0.99),
        duration(run, 0.5),
        duration(run, 0.99),
    ]
}

fn draw_table<const COLUMNS: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    headings: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) {
    let rows: Vec<[String; COLUMNS]> =
        rows.take(area.height.into()).map(|row| row.map(|cell| printable(&cell))).collect();
    let widths = (0..COLUMNS).map(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        Constraint::Length(cells.max().unwrap_or(0).max(headings[column].len()).min(60) as u16)
    });
    let table = Table::new(rows.iter().map(|row| Row::new(row.clone())), widths)
        .column_spacing(2)
        .header(Row::new(headings).style(Style::new().add_modifier(Modifier::BOLD)));
    frame.render_widget(table, area);
}

fn count(jobs: i64) -> String {
    crate::status::count(jobs, mainspring::status::COUNT_CAP)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;
    use crate::top::rates::Rate;

    fn activity(task: &str, started: f64, failed: f64) -> Activity {
        Activity {
            task: task.to_owned(),
            rate: Rate { started, failed, ..Rate::default() },
            ..Activity::default()
        }
    }

    fn view() -> View {
        let status = json!({
            "schema_version": "1", "count_cap": 10_000, "detail_count_cap": 1_000,
            "jobs": {"waiting": 4, "scheduled": 3, "parked": 2, "ready": 10_000, "running": 8, "held": 0, "dead": 1},
            "oldest_ready_age_seconds": 90.0, "tasks": [],
            "queues": [{"name": "q\u{1b}[2J", "concurrency": 2, "paused": false, "waiting": 5, "running": 2}],
            "workers": [{"id": 7, "name": "web-1", "started_at": "2026-01-01T00:00:00Z", "heartbeat_age_seconds": 0.5,
                "lost": true, "running": 8, "tasks": ["mail.send"]}],
        });
        let reading = Reading {
            at: "2026-11-29T22:00:00Z".parse().unwrap(),
            status: serde_json::from_value(status).unwrap(),
            all: activity("", 12.0, 1.0),
            tasks: vec![
                activity("a.slow", 2.0, 1.0),
                activity("mail.send", 10.0, 0.0),
                activity("", 0.5, 0.0),
            ],
        };
        View::new(reading)
    }

    fn drawn(view: &View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect()
    }

    fn tasks(lines: &[String]) -> Vec<&str> {
        let first_words = lines.iter().filter_map(|line| line.split("  ").next());
        first_words.filter(|word| ["a.slow", "mail.send", "all others"].contains(word)).collect()
    }

    #[test]
    fn the_screen_shows_states_rates_tasks_queues_and_workers() {
        let lines = drawn(&view(), 120, 30);
        let all = lines.join("\n");
        assert!(lines[0].starts_with("mainspring top  2026-11-29T22:00:00Z"), "{all}");
        let states =
            "waiting 4  scheduled 3  parked 2  ready 10000+  running 8  held 0  dead 1  oldest ready 1.5 min";
        assert_eq!(lines[1], states);
        assert!(lines[2].starts_with("started 12.0/s  succeeded 0.0/s  failed 1.0/s"), "{all}");
        assert_eq!(tasks(&lines), ["mail.send", "a.slow", "all others"]);
        assert!(
            all.contains("q\\u{1b}[2J") && all.contains("web-1") && all.contains("0.5 s ago (lost)"),
            "{all}"
        );
        assert!(lines[29].starts_with("q quit"), "{all}");
    }

    #[test]
    fn keys_sort_scroll_and_quit() {
        let mut view = view();
        assert_eq!(view.press(KeyCode::Char('s').into()), Wish::Draw);
        assert_eq!(tasks(&drawn(&view, 120, 30)), ["a.slow", "all others", "mail.send"]);
        view.press(KeyCode::Down.into());
        assert_eq!(tasks(&drawn(&view, 120, 30)), ["all others", "mail.send"]);
        for _ in 0..9 {
            view.press(KeyCode::Down.into());
        }
        assert_eq!(tasks(&drawn(&view, 120, 30)), ["mail.send"]);
        assert_eq!(view.press(KeyCode::Char('q').into()), Wish::Quit);
        assert_eq!(view.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Wish::Quit);
    }

    #[test]
    fn an_error_is_shown_beside_what_was_read_last() {
        let mut view = view();
        view.error = Some("no connection".to_owned());
        let lines = drawn(&view, 120, 30);
        assert!(lines[0].ends_with("no connection") && lines[1].contains("running 8"));
    }

    #[test]
    fn no_size_of_the_screen_is_too_small() {
        for (width, height) in [(1, 1), (1, 50), (200, 1), (20, 8), (80, 24)] {
            drawn(&view(), width, height);
        }
    }
}
