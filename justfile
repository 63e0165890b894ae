# The steps of `.ci/run`, one by one: each recipe runs the same command.

_list:
    @just --list --unsorted

# All steps, as in CI
ci:
    .ci/run

# Installs what the other steps need
prepare:
    .ci/prepare

# Checks the format
fmt:
    .ci/fmt

# Compiler and clippy, without a warning
lint:
    .ci/lint

# The API's pages, without a broken link
docs:
    .ci/docs

# Compiles from the packaged files alone
package:
    .ci/package

# Licences, bans, sources and advisories of the dependencies
deny:
    .ci/deny

# The alerts and the dashboard, on a Prometheus that scrapes running schedulers
ops:
    .ci/ops

# The oldest Rust
msrv:
    .ci/msrv

# Builds examples and benches
examples:
    .ci/examples

# Starts each built example and uses it
smoke: examples
    .ci/smoke

# TLS on every connection, with the system's libpq
tls:
    .ci/tls

# All tests, with a search for secrets in their output; `just test keys::` runs the tests with this name
test *names:
    .ci/test {{ names }}

# Imports from schemas that Graphile Worker has made and worked in
graphile:
    .ci/graphile

# The programs in Python and JavaScript of the guide, which add jobs
clients:
    .ci/clients

# The dashboard in Chromium; `just browser live::` runs some of the tests
browser *names:
    .ci/browser {{ names }}

# Takes the pictures of the README and the guide again
pictures:
    .ci/browser pictures::
    cp target/tmp/pictures/*.webp docs/pictures/

# The program of the README, as a crate of its own
readme:
    .ci/readme

# The fuzz targets, for some seconds each
fuzz *targets:
    .ci/fuzz {{ targets }}

# The integration tests under another schema's name; `just schema queues::` runs some of them
schema *names:
    .ci/schema {{ names }}

# A part of the tests on PostgreSQL 14 and 18; `just versions 16 17` runs the others
versions *numbers:
    .ci/versions {{ numbers }}

# Breaks the network, the server and the processes on purpose, for two to three minutes
chaos:
    .ci/chaos
