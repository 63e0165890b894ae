//! Cron lines and schedules: a blocked, faulty or late one delays only itself.
