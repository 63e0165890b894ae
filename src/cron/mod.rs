//! Cron: expressions and crontab text.
