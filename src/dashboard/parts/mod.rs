//! The pieces that screens are made of. They know no scheduler and no request.

pub(super) mod audit_table;
pub(super) mod chart;
pub(super) mod fact;
pub(super) mod form;
pub(super) mod job_table;
pub(super) mod notice;
pub(super) mod number;
pub(super) mod pages;
pub(super) mod sparkline;
pub(super) mod text;
pub(super) mod time;
pub(super) mod workflow_graph;
pub(super) mod workflow_jobs;
