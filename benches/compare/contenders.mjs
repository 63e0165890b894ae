// Who is measured at what. A trial is one run of one contender: who, the name under which its figures are kept, and the run.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const GRAPHILE = "0.17.3";
const here = import.meta.dirname;
const modules = resolve("target/compare");
const manifest = join(here, "peers/Cargo.toml");
const target = resolve("target/compare/peers");

const JOBS = { throughput: 100_000, latency: 1_000, enqueue: 50_000 };
// How many a call, and how many in all: single calls wait for the disk each.
export const BULK = { 1: 5_000, 10: 20_000, 100: 100_000, 1000: 100_000, 5000: 100_000 };
export const BATCHES = [500, 1000];

export function build() {
  mkdirSync(modules, { recursive: true });
  if (!existsSync(join(modules, "node_modules"))) {
    writeFileSync(join(modules, "package.json"), "{}");
    execFileSync("npm", ["install", "--silent", `graphile-worker@${GRAPHILE}`], { cwd: modules, stdio: "inherit" });
  }
  execFileSync("cargo", ["bench", "--bench", "load", "--no-run"], { stdio: "inherit" });
  execFileSync("cargo", ["build", "--release", "--manifest-path", manifest, "--target-dir", target], { stdio: "inherit" });
}

function lastLine(command, args, options) {
  const ran = spawnSync(command, args.map(String), { encoding: "utf8", ...options });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout.trim().split("\n").at(-1));
}

const load = (mode, jobs, ...more) => (url) => lastLine("cargo", ["bench", "--quiet", "--bench", "load", "--", mode, "--jobs", jobs, "--url", url, ...more]);
const node = (mode, jobs) => (url) => lastLine("node", [join(here, "graphile.mjs"), mode, jobs, url], { cwd: modules });
const peers = (mode, jobs, ...size) => (url) => lastLine(join(target, "release/peers"), [mode, jobs, url, ...size]);

const bare = (mode) => BATCHES.map((size) => ({ name: `${mode} ${size}`, run: peers(mode, JOBS.throughput, size) }));

export const TRIALS = {
  throughput: [
    { name: "mainspring", run: load("throughput", JOBS.throughput) },
    { name: "graphile", run: node("throughput", JOBS.throughput) },
    { name: "rust", run: peers("graphile-throughput", JOBS.throughput) },
    ...bare("bare"),
    ...bare("bare-mainspring"),
    ...bare("bare-fenced"),
    ...bare("bare-floor"),
    { name: "mainspring with history", run: load("throughput", JOBS.throughput, "--history") },
    { name: "mainspring two processes", run: load("throughput", JOBS.throughput, "--processes", 2) },
  ],
  latency: [
    { name: "mainspring", run: load("latency", JOBS.latency) },
    { name: "graphile", run: node("latency", JOBS.latency) },
    { name: "rust", run: peers("graphile-latency", JOBS.latency) },
    { name: "mainspring remote", run: load("latency-remote", JOBS.latency) },
  ],
  enqueue: [
    { name: "mainspring", run: load("enqueue", JOBS.enqueue) },
    ...Object.entries(BULK).map(([size, jobs]) => ({ name: `mainspring ${size}`, run: peers("bulk", jobs, size) })),
  ],
};
