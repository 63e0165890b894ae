// What the rounds found, as a table of medians, and Mainspring's ratio to each of the others.
import { BATCHES, BULK } from "./contenders.mjs";

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

// Where it ran with several sizes of batches, the better median counts, and the size is told.
const better = (mode, figure) => BATCHES.map((size) => `throughput/${mode} ${size}/${figure}`);

function row(title, digits, ours, theirs = {}) {
  return { title, digits, keys: [ours, theirs.graphile, theirs.rust, theirs.bare].map((key) => [key ?? []].flat()) };
}

const drained = (who) => `throughput/${who}/per_second`;
const stored = (who) => `throughput/${who}/insert_per_second`;
const pickup = (who, percentile) => `latency/${who}/${percentile}_ms`;
// The others know one way of adding a job, so it stands beside both of ours.
const pickups = (percentile) => ({ graphile: pickup("graphile", percentile), rust: pickup("rust", percentile) });

const ROWS = [
  row("jobs/s, one process; bare: a small table of its own", 0, drained("mainspring"), {
    graphile: drained("graphile"),
    rust: drained("rust"),
    bare: better("bare", "per_second"),
  }),
  row("the same; bare: on `mainspring.jobs`", 0, drained("mainspring"), { bare: better("bare-mainspring", "per_second") }),
  row("the same; bare: there, with Mainspring's own statements", 0, drained("mainspring"), { bare: better("bare-fenced", "per_second") }),
  row("the same; bare: one DELETE a batch, no lease", 0, drained("mainspring"), { bare: better("bare-floor", "per_second") }),
  row("jobs/s with history; bare: on `mainspring.jobs`", 0, drained("mainspring with history"), { bare: better("bare-mainspring", "per_second") }),
  row("jobs/s, two processes; bare: on `mainspring.jobs`, one", 0, drained("mainspring two processes"), { bare: better("bare-mainspring", "per_second") }),
  row("enqueued/s in bulk, 5,000 a call; bare: INSERT, a small table", 0, stored("mainspring"), {
    graphile: stored("graphile"),
    rust: stored("rust"),
    bare: better("bare", "insert_per_second"),
  }),
  row("the same; bare: INSERT into `mainspring.jobs`", 0, stored("mainspring"), { bare: better("bare-mainspring", "insert_per_second") }),
  row("enqueue to start, p50 ms", 2, pickup("mainspring", "p50"), pickups("p50")),
  row("enqueue to start, p99 ms", 2, pickup("mainspring", "p99"), pickups("p99")),
  row("the same by SQL from elsewhere, p50 ms", 2, pickup("mainspring remote", "p50"), pickups("p50")),
  row("the same by SQL from elsewhere, p99 ms", 2, pickup("mainspring remote", "p99"), pickups("p99")),
  row("enqueued/s, single messages of 64 senders", 0, "enqueue/mainspring/per_second"),
  ...Object.keys(BULK).map((size) => row(`enqueued/s in calls of ${Number(size).toLocaleString("en-US")}, one sender`, 0, `enqueue/mainspring ${size}/per_second`)),
];

export function print(samples) {
  const best = (keys) => keys.filter((key) => samples[key]).sort((a, b) => median(samples[b]) - median(samples[a]))[0];
  console.log("| figure | Mainspring | Graphile Worker | ratio | graphile_worker (Rust) | ratio | bare loop | ratio |\n|---|---|---|---|---|---|---|---|");
  for (const { title, digits, keys } of ROWS) {
    const [ours, ...theirs] = keys.map(best);
    if (!ours) continue;
    const shown = (value) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const spread = (values) => `${shown(median(values))} (${shown(Math.min(...values))} to ${shown(Math.max(...values))})`;
    const size = (key) => key.match(/ \d+(?=\/)/)?.[0] ?? "";
    const cell = (key) => `${spread(samples[key])}${size(key) && `, batches of${size(key)}`}`;
    const ratio = (key) => (median(samples[ours]) / median(samples[key])).toFixed(2);
    const cells = theirs.flatMap((key) => (key ? [cell(key), ratio(key)] : ["", ""]));
    console.log(`| ${[title, spread(samples[ours]), ...cells].join(" | ")} |`);
  }
}
