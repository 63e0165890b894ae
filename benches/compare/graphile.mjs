// The modes of the bench `load`, for Graphile Worker: one JSON object a line on standard output.
// `node graphile.mjs MODE JOBS URL`, where the package graphile-worker can be found (see run.mjs).
import { createRequire } from "node:module";

const { Logger, makeWorkerUtils, run } = createRequire(process.cwd() + "/")("graphile-worker");
const [mode, jobs, url] = [process.argv[2], Number(process.argv[3]), process.argv[4]];

// As many jobs a call as the bench of Mainspring sends.
const BULK = 5_000;
const WARM_UP = 20;
// Its best for jobs that do nothing: a local queue, and outcomes that are stored in batches.
const BATCHED = { concurrentJobs: 24, maxPoolSize: 6, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
// Its best for the pick-up of one job: no queue in between.
const PROMPT = { concurrentJobs: 10, maxPoolSize: 6 };

const quiet = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString: url, logger: quiet });
await utils.migrate();
await utils.withPgClient((client) => client.query("TRUNCATE graphile_worker._private_jobs"));

const now = () => Number(process.hrtime.bigint()) / 1e6;
const perSecond = (since) => Math.round((jobs / (now() - since)) * 1000);
const start = (worker, taskList) => run({ preset: { worker: { connectionString: url, ...worker } }, taskList, logger: quiet });

async function fill() {
  const since = now();
  for (let left = jobs; left > 0; left -= BULK) {
    await utils.addJobs(Array.from({ length: Math.min(left, BULK) }, () => ({ identifier: "noop", payload: {} })));
  }
  return perSecond(since);
}

async function throughput() {
  const insert_per_second = await fill();
  let done = 0;
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const since = now();
  const runner = await start(BATCHED, { noop: () => void (++done === jobs && finish()) });
  await finished;
  const left = () => utils.withPgClient((client) => client.query("SELECT 1 FROM graphile_worker._private_jobs LIMIT 1"));
  while ((await left()).rows.length > 0);
  const per_second = perSecond(since);
  await runner.stop();
  return { insert_per_second, per_second };
}

async function latency() {
  let started;
  const runner = await start(PROMPT, { echo: () => started(now()) });
  const samples = [];
  for (let n = 0; n < WARM_UP + jobs; n++) {
    const start = new Promise((resolve) => (started = resolve));
    const sent = now();
    await utils.addJob("echo", {});
    samples.push((await start) - sent);
  }
  await runner.stop();
  samples.splice(0, WARM_UP);
  samples.sort((a, b) => a - b);
  const at = (percent) => samples[Math.max(Math.ceil((samples.length * percent) / 100), 1) - 1];
  return { min_ms: at(0), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) };
}

const figures = await { throughput, latency }[mode]();
console.log(JSON.stringify({ mode, jobs, ...figures }));
await utils.release();
process.exit(0);
