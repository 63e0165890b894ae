// Mainspring beside Graphile Worker, the crate graphile_worker and a bare loop of two statements: all in turn on one server,
// several rounds, and the ratios of their medians.
// `node benches/compare/run.mjs [ROUNDS]` from the project's folder; needs PostgreSQL's programs and npm.
import { build, TRIALS } from "./contenders.mjs";
import { startServer } from "./server.mjs";
import { print } from "./table.mjs";

const ROUNDS = Number(process.argv[2] ?? 5);
const WARM_UP = 3;

const samples = {};
function keep(mode, name, figures) {
  for (const [figure, value] of Object.entries(figures)) {
    if (/per_second$|_ms$/.test(figure)) (samples[`${mode}/${name}/${figure}`] ??= []).push(value);
  }
}

// Nobody always comes first: the rounds begin at places that are evenly spread over the list.
function turned(list, round) {
  const first = Math.floor((list.length * round) / ROUNDS);
  return [...list.slice(first), ...list.slice(0, first)];
}

build();
const server = startServer();
try {
  // Whoever comes first on a new server pays for its caches and for the files of its log: these runs are not kept.
  for (const { run } of TRIALS.throughput.slice(0, WARM_UP)) run(server.url);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [mode, trials] of Object.entries(TRIALS)) {
      for (const { name, run } of turned(trials, round)) {
        console.error(`round ${round + 1} of ${ROUNDS}: ${mode}, ${name}`);
        server.clean();
        keep(mode, name, run(server.url));
      }
    }
  }
} finally {
  server.stop();
}
print(samples);
