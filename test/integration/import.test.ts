/** Rows of real files into a real cluster: each takes effect once, whatever happens to the command on its way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { FILE, readLines } from "../../infra/demo/retail/lines.ts";
import { eventually, startBed, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { read } from "./cluster/request.ts";

const COMMAND = join(packageRoot(), "dist/services/cli/main.js");
const SALES = {
  fields: {
    stockCode: { class: "lww", type: "string" },
    description: { class: "lww", type: "string" },
    price: { class: "lww", type: "number" },
    country: { class: "lww", type: "string" },
    quantity: { class: "merge", kind: "counter" },
  },
};
const PRODUCTS = {
  fields: {
    sold: { class: "merge", kind: "counter" },
    lines: { class: "merge", kind: "counter" },
    days: { class: "merge", kind: "set" },
    labels: { class: "merge", kind: "set" },
  },
};
const MAPS = [
  "StockCode=stockCode",
  "Description=description",
  "UnitPrice=price",
  "Country=country",
  "Quantity=quantity",
];

let bed: LocalBed;
let url: string;

beforeAll(async () => {
  bed = await startBed("import");
  ({ url } = bed.cluster.region("eu"));
  await createCollection(bed, "sales", SALES);
  await createCollection(bed, "products", PRODUCTS);
});

afterAll(() => bed?.stop());

describe("forebay import", () => {
  it("writes every line of a shop's sales, compressed as they are", async () => {
    const words = MAPS.flatMap((map) => ["--map", map]);
    const { code, told } = await forebay("sales", [
      "--from",
      FILE,
      "--key-template",
      "<InvoiceNo>/<#>",
      ...words,
      ...kept("sales"),
    ]);
    const lines = readLines();
    expect({ code, told }).toMatchObject({
      code: 0,
      told: expect.stringContaining(`${lines.length} rows are in sales`) as string,
    });
    const records = await readAll("sales");
    expect(records.length).toBe(lines.length);
    expect(sumOf(records, "quantity")).toBe(lines.reduce((sum, { quantity }) => sum + quantity, 0));
    const priced = records.filter(({ fields }) => fields["price"] === 0).length;
    expect(priced).toBe(lines.filter(({ unitPricePence }) => unitPricePence === 0).length);
  }, 120_000);

  it("counts nothing twice when it is killed, interrupted and begun again", async () => {
    const words = ["--from", FILE, "--key", "StockCode", "--map", "Quantity=sold:inc", ...kept("products")];
    const state = join(bed.folder, "products.state.json");
    const killed = start("products", words);
    await eventually("rows are taken", async () =>
      (await readAll("products")).length > 0 ? true : undefined,
    );
    await killed.end("SIGKILL");
    const interrupted = start("products", words);
    await eventually("rows are taken again, or it is through", () =>
      existsSync(state) || interrupted.hasEnded() ? true : undefined,
    );
    const { code, told: toldBefore } = await interrupted.end("SIGINT");
    // It may have been through already.
    expect([0, 130], toldBefore).toContain(code);
    const { told } = await forebay("products", [...words, "--resume"]);
    expect(told).toContain(`${readLines().length} rows are in products`);
    const expected = new Map<string, number>();
    for (const { stockCode, quantity } of readLines())
      expected.set(stockCode, (expected.get(stockCode) ?? 0) + quantity);
    const records = await readAll("products");
    expect(new Map(records.map(({ key, fields }) => [key, fields["sold"]]))).toEqual(expected);
    expect(existsSync(state)).toBe(false);
  }, 180_000);

  it("tells rows that are wrong by line, and takes their file once it is mended", async () => {
    const file = join(bed.folder, "few.csv");
    writeFileSync(file, 'key,sold,lines\na,1,1\nb,two,1\n"c\u0007",3,1\nd,4\ne,5,1\n');
    const { code, told } = await forebay("products", ["--from", file]);
    expect({ code, told }).toMatchObject({
      code: 1,
      told: expect.stringContaining("3 rows were rejected") as string,
    });
    const rejects = join(bed.folder, "few.csv.rejects.csv");
    const lines = readFileSync(rejects, "utf8").trimEnd().split("\n");
    expect(lines[0]).toBe("_line,_reject,key,sold,lines");
    expect(lines.slice(1).map((line) => line.split(",")[0])).toEqual(["3", "4", "5"]);
    writeFileSync(rejects, "_line,_reject,key,sold,lines\n3,mended,b,2,1\n");
    expect((await forebay("products", ["--from", rejects])).code).toBe(0);
    const of = (key: string) => readRecord("products", key);
    expect([await of("a"), await of("b"), await of("e")]).toEqual([
      { sold: 1, lines: 1 },
      { sold: 2, lines: 1 },
      { sold: 5, lines: 1 },
    ]);
  }, 60_000);

  it("reads a table, in the order of its primary key", async () => {
    const client = new pg.Client({ connectionString: bed.cluster.region("us").postgres.url });
    await client.connect();
    try {
      await client.query(
        `create type shop_label as enum ('new', 'on, sale');
         create table shop_items (area text, number bigint, lines int, sold text, at timestamptz default now(),
           days date[] default '{2026-01-31,2026-02-01}', labels shop_label[] default '{"on, sale"}',
           primary key (area, number))`,
      );
      await client.query(
        "insert into shop_items select 'area ' || n % 7, n, n, (n * 2)::text from generate_series(1, 3000) n",
      );
      const from = [
        "--from",
        bed.cluster.region("us").postgres.url,
        "--table",
        "shop_items",
        ...kept("items"),
      ];
      const { code, told } = await forebay("products", [...from, "--key-template", "<area>/<number>"]);
      expect({ code, told }).toMatchObject({
        code: 0,
        told: expect.stringContaining("3000 rows are in products") as string,
      });
      expect(await readRecord("products", "area 3/2999")).toEqual({
        sold: 5998,
        lines: 2999,
        days: ["2026-01-31", "2026-02-01"],
        labels: ["on, sale"],
      });
    } finally {
      await client.query("drop table if exists shop_items; drop type if exists shop_label");
      await client.end();
    }
  }, 60_000);

  it("takes as the key of a table without a primary key only a column that names its rows", async () => {
    const { url: from } = bed.cluster.region("us").postgres;
    const client = new pg.Client({ connectionString: from });
    await client.connect();
    const run = (key: string) =>
      forebay("products", ["--from", from, "--table", "shop_rows", "--key", key, ...kept("rows")]);
    try {
      await client.query(
        `create table shop_rows (code text, area text, shelf text, place text not null unique, lines int);
         insert into shop_rows select 'row ' || n, 'area ' || n % 7, nullif('shelf ' || n, 'shelf 9'), 'place ' || n, n
           from generate_series(1, 30) n`,
      );
      const told = async (key: string) => {
        const { code, told: text } = await run(key);
        return `${code}: ${text}`;
      };
      expect(await told("area")).toMatch(
        /^2: .*"area" of shop_rows .*: [45] rows have "area \d"\. Give --key/,
      );
      expect(await told("shelf")).toMatch(/^2: .*"shelf" of shop_rows .*: a row has null\. Give --key/);
      expect(await told("code")).toMatch(/^0: [^]*30 rows are in products/);
      expect(await readRecord("products", "row 9")).toEqual({ lines: 9 });
      expect(await told("place")).toMatch(/^0: [^]*30 rows are in products/);
      await client.query("update shop_rows set lines = 100 where code = 'row 9'");
      expect(await told("code")).toMatch(/^1: [^]*29 rows are in products \(29 of them had been before\)/);
      expect(readFileSync(join(bed.folder, "rows.rejects"), "utf8")).toContain("--id NAME");
    } finally {
      await client.query("drop table if exists shop_rows");
      await client.end();
    }
  }, 60_000);
});

function kept(name: string): string[] {
  return [
    "--state",
    join(bed.folder, `${name}.state.json`),
    "--rejects",
    join(bed.folder, `${name}.rejects`),
  ];
}

interface Ended {
  readonly code: number | null;
  readonly told: string;
}

/** Its end is listened for from the start: a command may be through before anybody asks. */
function start(collection: string, words: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, "import", collection, "--url", url, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (told += chunk.toString("utf8")));
  let isEnded = false;
  const ended: Promise<Ended> = once(child, "close").then(([code]: (number | null)[]) => {
    isEnded = true;
    return { code: code ?? null, told };
  });
  const end = (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal);
    return ended;
  };
  return { ended, end, hasEnded: () => isEnded };
}

function forebay(collection: string, words: readonly string[]): Promise<Ended> {
  return start(collection, words).ended;
}

interface Shown {
  readonly key: string;
  readonly fields: { readonly [field: string]: unknown };
}

async function readAll(collection: string): Promise<Shown[]> {
  const records: Shown[] = [];
  let cursor = "";
  do {
    const query = `limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const answer = (await read(`${url}/v1/collections/${collection}/records?${query}`)) as {
      records: Shown[];
      next_cursor?: string;
    };
    records.push(...answer.records);
    cursor = answer.next_cursor ?? "";
  } while (cursor !== "");
  return records;
}

async function readRecord(collection: string, key: string): Promise<unknown> {
  const path = `${url}/v1/collections/${collection}/records/${encodeURIComponent(key)}`;
  return ((await read(path)) as Shown).fields;
}

function sumOf(records: readonly Shown[], field: string): number {
  return records.reduce((sum, { fields }) => sum + ((fields[field] as number | undefined) ?? 0), 0);
}
