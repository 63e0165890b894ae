//! Payloads of every shape arrive as they were sent, or are refused when they are enqueued.

mod characters;
mod doors;
mod numbers;
mod shapes;
