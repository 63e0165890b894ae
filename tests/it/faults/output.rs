//! Logs, tables and errors never repeat hostile or endless input.
