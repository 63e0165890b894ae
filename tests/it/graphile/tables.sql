-- The tables that an import reads, as Graphile Worker 0.17 and 0.18 have them. No function, index or trigger but keys.
CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker.migrations (id integer PRIMARY KEY, breaking boolean NOT NULL);
INSERT INTO graphile_worker.migrations VALUES (18, false), (19, true), (20, false);
CREATE TABLE graphile_worker._private_tasks (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, identifier text NOT NULL UNIQUE);
CREATE TABLE graphile_worker._private_job_queues (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue_name text NOT NULL UNIQUE, locked_at timestamptz, locked_by text);
CREATE TABLE graphile_worker._private_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_queue_id integer, task_id integer NOT NULL, payload json NOT NULL DEFAULT '{}',
    priority smallint NOT NULL DEFAULT 0, run_at timestamptz NOT NULL DEFAULT now(), attempts smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 25, last_error text, created_at timestamptz NOT NULL DEFAULT now(), key text UNIQUE,
    locked_at timestamptz, locked_by text, revision integer NOT NULL DEFAULT 0, flags jsonb);
CREATE TABLE graphile_worker._private_known_crontabs (
    identifier text PRIMARY KEY, known_since timestamptz NOT NULL, last_execution timestamptz);
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('a'), ('b');
INSERT INTO graphile_worker._private_job_queues (queue_name) VALUES ('q'), ('r');
