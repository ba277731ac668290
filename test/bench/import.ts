/**
 * `npm run bench -- import [--rows N]`: rows/s of `forebay import` of a CSV file through one region, from the command's start to
 * its end, and of the same file inserted bare, a thousand rows at a time, into a table with key and text: the limit.
 *
 * The two take turns in a region that has the machine to itself; then the file goes into a region of three on this machine.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parse } from "csv-parse";
import pg from "pg";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { median, progress, report, round } from "./report.ts";

const ROWS = 150_000;
const WARM_UP_ROWS = 20_000;
const ROUNDS = 3;
const ROWS_AT_ONCE = 1_000;
const INSERTS_AT_ONCE = 2;
const COLLECTION = "people";
const FIELDS = {
  name: { class: "lww", type: "string" },
  city: { class: "lww", type: "string" },
  visits: { class: "merge", kind: "counter" },
};

export async function benchImport(words: readonly string[]): Promise<void> {
  const { rows: given } = readOptions(words, ["rows"]);
  const rows = Math.ceil(positiveNumber(given, "rows", ROWS));
  const folder = makeTemporaryFolder("bench-import");
  try {
    const file = join(folder.path, "people.csv");
    const warmUp = join(folder.path, "warm-up.csv");
    await writeFile(file, rows);
    await writeFile(warmUp, WARM_UP_ROWS);
    await withCluster("test/bench/topology.yaml", async (cluster) => {
      const [{ url, postgres }] = cluster.regions as [(typeof cluster.regions)[number]];
      await putCollection(url, COLLECTION, FIELDS);
      await importFile(url, warmUp, { rows: WARM_UP_ROWS, id: "warm-up" });
      await comparePairs({ url, database: postgres.url, file, rows });
    });
    await withCluster("test/integration/topologies/one-partition.yaml", async (cluster) => {
      const { url } = cluster.region("eu");
      await putCollection(url, COLLECTION, FIELDS);
      await importFile(url, warmUp, { rows: WARM_UP_ROWS, id: "warm-up" });
      progress("three regions on this machine");
      report("import.three-regions", {
        rows,
        rows_per_second: await importFile(url, file, { rows, id: "three" }),
      });
    });
  } finally {
    folder.remove();
  }
}

async function comparePairs(input: {
  url: string;
  database: string;
  file: string;
  rows: number;
}): Promise<void> {
  const { url, database, file, rows } = input;
  const [bare, region]: [number[], number[]] = [[], []];
  for (let pair = 1; pair <= ROUNDS; pair += 1) {
    progress(`pair ${pair} of ${ROUNDS}`);
    bare.push(await insertBare(database, file, rows));
    region.push(await importFile(url, file, { rows, id: `pair-${pair}` }));
  }
  const ratios = region.map((perSecond, index) => perSecond / bare[index]!);
  report("import.bare", { rows, rows_per_second: median(bare) });
  report("import.region", { rows, rows_per_second: median(region), ratio_to_bare: round(median(ratios)) });
}

async function writeFile(path: string, rows: number): Promise<void> {
  function* lines() {
    yield "id,name,city,visits\n";
    for (let row = 0; row < rows; row += 1)
      yield `person-${row},"Lovelace, Ada ${row}",London,${row % 100}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

/** @returns rows per second. @throws when not all rows were taken. */
async function importFile(
  url: string,
  file: string,
  { rows, id }: { rows: number; id: string },
): Promise<number> {
  const command = join(packageRoot(), "dist/services/cli/main.js");
  const startedAtMs = performance.now();
  const words = ["import", COLLECTION, "--url", url, "--from", file, "--key", "id", "--id", id];
  const child = spawn(process.execPath, [command, ...words], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0 || !text.startsWith(`${rows} rows are in `))
    throw new Error(`the import ended with ${code}: ${text}`);
  return Math.round((1_000 * rows) / (performance.now() - startedAtMs));
}

async function insertBare(database: string, file: string, rows: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: database, max: INSERTS_AT_ONCE });
  try {
    await pool.query("drop table if exists bare_import");
    await pool.query(
      "create table bare_import (sequence bigserial primary key, key text not null, body text not null)",
    );
    const startedAtMs = performance.now();
    const onTheirWay = new Set<Promise<unknown>>();
    let batch: string[][] = [];
    const insert = async () => {
      const values = [batch.map(([key]) => key), batch.map((cells) => JSON.stringify(cells))];
      batch = [];
      if (onTheirWay.size >= INSERTS_AT_ONCE) await Promise.race(onTheirWay);
      const text = "insert into bare_import (key, body) select * from unnest($1::text[], $2::text[])";
      const inserting: Promise<unknown> = pool
        .query({ name: "bare", text, values })
        .finally(() => onTheirWay.delete(inserting));
      onTheirWay.add(inserting);
    };
    for await (const cells of createReadStream(file).pipe(parse({ from: 2 }))) {
      batch.push(cells as string[]);
      if (batch.length === ROWS_AT_ONCE) await insert();
    }
    await insert();
    await Promise.all(onTheirWay);
    return Math.round((1_000 * rows) / (performance.now() - startedAtMs));
  } finally {
    await pool.end();
  }
}
