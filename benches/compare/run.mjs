// Mainspring and Graphile Worker in turn on one server, several rounds, and the ratio of their medians.
// `node benches/compare/run.mjs [ROUNDS]` from the project's folder; needs PostgreSQL's programs and npm.
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROUNDS = Number(process.argv[2] ?? 5);
const GRAPHILE = "0.17.3";
const JOBS = { throughput: 100_000, latency: 1_000, "latency-remote": 1_000, enqueue: 50_000 };
const here = import.meta.dirname;
const peer = resolve("target/compare");

function programs() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return process.env.PG_BIN_DIR ?? (versions.length > 0 ? `${debian}/${versions[0]}/bin` : execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim());
}

// PostgreSQL refuses to run as root.
const asRoot = process.getuid() === 0;
const server = asRoot ? { uid: Number(execFileSync("id", ["-u", "postgres"])), gid: Number(execFileSync("id", ["-g", "postgres"])) } : {};

function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "compare-"));
  if (asRoot) chownSync(folder, server.uid, server.gid);
  const options = { ...server, cwd: "/", stdio: "ignore" };
  const port = 20_000 + (process.pid % 20_000);
  execFileSync(`${programs()}/initdb`, ["-D", `${folder}/data`, "-A", "trust", "-U", "postgres"], options);
  const settings = `-p ${port} -k ${folder} -c shared_buffers=256MB -c max_wal_size=2GB`;
  execFileSync(`${programs()}/pg_ctl`, ["-D", `${folder}/data`, "-o", settings, "-l", `${folder}/log`, "-w", "start"], options);
  const stop = () => {
    execFileSync(`${programs()}/pg_ctl`, ["-D", `${folder}/data`, "-m", "fast", "-w", "stop"], options);
    rmSync(folder, { recursive: true });
  };
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop };
}

function prepare() {
  mkdirSync(peer, { recursive: true });
  if (!existsSync(join(peer, "node_modules"))) {
    writeFileSync(join(peer, "package.json"), "{}");
    execFileSync("npm", ["install", "--silent", `graphile-worker@${GRAPHILE}`], { cwd: peer, stdio: "inherit" });
  }
  execFileSync("cargo", ["bench", "--bench", "load", "--no-run"], { stdio: "inherit" });
}

function lastLine(command, args, options) {
  const ran = spawnSync(command, args, { encoding: "utf8", ...options });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout.trim().split("\n").at(-1));
}

const ours = (mode, url) => lastLine("cargo", ["bench", "--quiet", "--bench", "load", "--", mode, "--jobs", JOBS[mode], "--url", url]);
const theirs = (mode, url) => lastLine("node", [join(here, "graphile.mjs"), mode, JOBS[mode], url], { cwd: peer });

const samples = {};
const keep = (who, mode, figures) => {
  for (const [name, value] of Object.entries(figures)) {
    if (/per_second|_ms$/.test(name)) ((samples[`${mode} ${name}`] ??= {})[who] ??= []).push(value);
  }
};
const median = (values) => values?.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => values && `${median(values)} (${Math.min(...values)} to ${Math.max(...values)})`;

prepare();
const { url, stop } = startServer();
try {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const mode of Object.keys(JOBS)) {
      console.error(`round ${round} of ${ROUNDS}: ${mode}`);
      keep("mainspring", mode, ours(mode, url));
      if (mode === "throughput" || mode === "latency") keep("graphile", mode, theirs(mode, url));
    }
  }
} finally {
  stop();
}
const rounded = (value) => (value === undefined ? "" : value.toFixed(2));
console.log("| figure | Mainspring: median (least to most) | Graphile Worker | ratio |\n|---|---|---|---|");
for (const [figure, { mainspring, graphile }] of Object.entries(samples)) {
  const tidy = (values) => values?.map((value) => (figure.endsWith("_ms") ? Number(value.toFixed(2)) : value));
  const ratio = graphile && median(mainspring) / median(graphile);
  console.log(`| ${figure} | ${spread(tidy(mainspring))} | ${spread(tidy(graphile)) ?? ""} | ${rounded(ratio)} |`);
}
