//! Outcomes are stored although one of them cannot be, and error texts are bounded.
