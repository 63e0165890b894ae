// A PostgreSQL of one's own for as long as it is measured on, emptied between the contenders.
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function programs() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return process.env.PG_BIN_DIR ?? (versions.length > 0 ? `${debian}/${versions[0]}/bin` : execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim());
}

// PostgreSQL refuses to run as root.
const asRoot = process.getuid() === 0;
const owner = asRoot ? { uid: Number(execFileSync("id", ["-u", "postgres"])), gid: Number(execFileSync("id", ["-g", "postgres"])) } : {};

// What a contender leaves behind: none pays for the rows, the dead rows and the unwritten pages of the one before it.
const TABLES = ["mainspring.jobs", "mainspring.history", "graphile_worker._private_jobs", "graphile_worker_rs._private_jobs", "bare.jobs"];
const EMPTY = `DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY '{${TABLES.join(",")}}'::text[] LOOP
    IF to_regclass(name) IS NOT NULL THEN EXECUTE 'TRUNCATE ' || name || ' CASCADE'; END IF;
  END LOOP;
END $$`;

export function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "compare-"));
  if (asRoot) chownSync(folder, owner.uid, owner.gid);
  const options = { ...owner, cwd: "/", stdio: "ignore" };
  const port = 20_000 + (process.pid % 20_000);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const program = (name, ...args) => execFileSync(`${programs()}/${name}`, args, options);
  program("initdb", "-D", `${folder}/data`, "-A", "trust", "-U", "postgres");
  // Files of the log are kept for the next contender, so that none but the first has to make them.
  const settings = `-p ${port} -k ${folder} -c shared_buffers=256MB -c max_wal_size=2GB -c min_wal_size=1GB`;
  program("pg_ctl", "-D", `${folder}/data`, "-o", settings, "-l", `${folder}/log`, "-w", "start");
  return {
    url,
    clean: () => program("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", EMPTY, "-c", "CHECKPOINT", url),
    stop: () => {
      program("pg_ctl", "-D", `${folder}/data`, "-m", "fast", "-w", "stop");
      rmSync(folder, { recursive: true });
    },
  };
}
