//! Payloads of every shape arrive as they were sent, or are refused when they are enqueued.

mod doors;
mod numbers;
mod shapes;
