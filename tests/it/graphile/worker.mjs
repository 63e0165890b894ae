// What a program on Graphile Worker does, for the tests in live.rs. It runs in a folder that has the package. The first argument
// names the part.
import * as imported from "graphile-worker";

const graphile = imported.default ?? imported;
const connectionString = process.env.DATABASE_URL;
const logger = new graphile.Logger(() => () => {});
const options = { connectionString, logger, noHandleSignals: true };
const forever = () => new Promise(() => {});
const fail = () => {
  throw new Error("no route");
};

const parts = {
  migrate: () => graphile.runMigrations(options),

  // Each kind of job: a failed one, a dead one, then those that wait.
  async jobs() {
    const utils = await graphile.makeWorkerUtils(options);
    await utils.addJob("fails", { n: 1 }, { maxAttempts: 5, jobKey: "failed" });
    await utils.addJob("fails", { n: 2 }, { maxAttempts: 1, jobKey: "dead" });
    await graphile.runOnce({ ...options, taskList: { fails: fail } });
    await utils.addJob("plain", { n: 3 });
    await utils.addJob("plain", { n: 4 }, { queueName: "mails", priority: -3, flags: ["slow", "big"] });
    await utils.addJob("plain", { n: 5 }, { runAt: new Date("2100-01-01T09:00:00Z"), jobKey: "later" });
    await utils.addJob("plain", { n: 6 }, { jobKey: "later", jobKeyMode: "preserve_run_at" });
    await utils.addJobs([{ identifier: "plain", payload: [7] }, { identifier: "plain", payload: null }]);
    await utils.addJob("plain", { text: "a\u0000b" });
    await utils.release();
  },

  // Ends when it is killed, with a job of the queue in its hands.
  async hold() {
    const utils = await graphile.makeWorkerUtils(options);
    await utils.addJob("hold", { n: 1 }, { queueName: "held" });
    await utils.addJob("hold", { n: 2 }, { queueName: "held" });
    const hold = () => {
      console.log("holding");
      return forever();
    };
    await graphile.run({ ...options, taskList: { hold }, concurrency: 1 });
    await forever();
  },

  // Starts the cron, which makes up for what a line has missed, and ends. The jobs of the line wait.
  async cron() {
    const runner = await graphile.run({ ...options, taskList: { other: () => {} }, crontab: process.argv[3] });
    await new Promise((started) => runner.events.once("cron:started", started));
    await runner.stop();
  },
};

await parts[process.argv[2]]();
process.exit(0);
