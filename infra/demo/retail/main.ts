/** `npm run demo:retail [-- --chaos] [--data FOLDER]`: see README.md beside this file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { LocalCluster } from "../../local/cluster.ts";
import { makeTemporaryFolder } from "../../local/temporary-folder.ts";
import { Api, type RegionAddress } from "./api.ts";
import { wreak } from "./chaos.ts";
import { bookDifferences, checkStock } from "./check-stock.ts";
import { checkRegion, type Checked } from "./check.ts";
import { converge } from "./converge.ts";
import { computeExpected, type Expected } from "./expected.ts";
import { FILE, readLines, type OrderLine } from "./lines.ts";
import { replay, type Replayed } from "./replay.ts";
import { formatSales, leftOf, Shop } from "./shop.ts";
import { initialStock } from "./stock.ts";
import { SCHEMAS } from "./writes.ts";

const { values } = parseArgs({
  options: { chaos: { type: "boolean", default: false }, data: { type: "string" } },
});
const say = (line: string) => console.log(`retail: ${line}`);

process.exitCode = await main();

async function main(): Promise<number> {
  if (values.data !== undefined && values.chaos) {
    console.error("retail: --chaos breaks things, so it takes a cluster of its own; leave out --data");
    return 2;
  }
  if (values.data !== undefined) return run(runningRegions(values.data), undefined);
  const folder = makeTemporaryFolder("retail");
  let cluster: LocalCluster | undefined;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  try {
    say("starting a cluster of its own");
    cluster = await LocalCluster.start({
      dataFolder: folder.path,
      topology: join(packageRoot(), "regions/local.yaml"),
      portBase: 0,
      migrate: migrateDatabase,
      logLevel: "warn",
      signal: stop.signal,
    });
    return await run(cluster.regions, cluster, stop.signal);
  } finally {
    await cluster?.stop();
    folder.remove();
  }
}

function runningRegions(data: string): RegionAddress[] {
  const file = join(data, "cluster.json");
  try {
    const { regions, key } = JSON.parse(readFileSync(file, "utf8")) as {
      regions: RegionAddress[];
      key?: string;
    };
    return regions.map(({ name, url }) => ({ name, url, key }));
  } catch (error) {
    throw new Error(`no cluster runs in ${data}: ${file} can't be read; start one with npm start`, {
      cause: error,
    });
  }
}

async function run(
  regions: readonly RegionAddress[],
  cluster: LocalCluster | undefined,
  stop?: AbortSignal,
): Promise<number> {
  const api = new Api(regions);
  const lines = readLines();
  const expected = computeExpected(FILE);
  const names = regions.map((region) => region.name);
  const replayId = `retail-${Date.now()}`;
  for (const [name, schema] of Object.entries(SCHEMAS)) await api.putCollection(name, schema);
  const shop = new Shop({ api, regions: names, run: replayId });
  await openShop({ api, shop, lines, regions });
  say(`replaying ${lines.length} order lines into ${names.join(", ")}`);
  let trouble: Promise<void> | undefined;
  const replayed = await replay({
    api,
    shop,
    lines,
    regions: names,
    run: replayId,
    onProgress: (done) => {
      stop?.throwIfAborted();
      if (values.chaos && cluster !== undefined && done > 0.2) trouble ??= wreak(cluster, say);
    },
  });
  await trouble;
  sayReplayed(replayed, api, shop);
  await converge(api, regions);
  const checked: Checked[] = [];
  for (const region of regions) {
    const found = await checkRegion(api, region, expected);
    const stockDifferences = await checkStock(api, region, shop.books);
    checked.push({ ...found, differences: [...found.differences, ...stockDifferences] });
  }
  return report({ checked, expected, shop });
}

/** A region takes from what it has folded: so nobody sells before all regions have folded what was given. */
async function openShop(options: {
  api: Api;
  shop: Shop;
  lines: readonly OrderLine[];
  regions: readonly RegionAddress[];
}): Promise<void> {
  const { api, shop, lines, regions } = options;
  const stock = initialStock(lines);
  await shop.open(stock);
  await converge(api, regions);
  const units = [...stock.values()].reduce((sum, amount) => sum + amount, 0);
  say(`${stock.size} products in stock, ${units} units in all, shared out among the regions`);
}

function sayReplayed(replayed: Replayed, api: Api, shop: Shop): void {
  const { writes, seconds, linesByRegion } = replayed;
  const rate = Math.round(writes / seconds);
  say(
    `${writes} writes in ${seconds.toFixed(1)} s (${rate}/s), ${api.retries} retries, ${api.failovers} answered by another region`,
  );
  for (const [region, count] of linesByRegion) say(`${count} lines were nearest to ${region}`);
  say(formatSales(shop.sales));
}

function report(run: { checked: readonly Checked[]; expected: Expected; shop: Shop }): number {
  const { checked, expected, shop } = run;
  const file = {
    region: "the file",
    orders: expected.orders.size,
    products: expected.products.size,
    customers: expected.customers.size,
    lines: BigInt(expected.lines),
    units: sum(expected, "units"),
    stock: [...shop.books.values()].reduce((total, book) => total + BigInt(leftOf(book)), 0n),
    revenuePence: sum(expected, "revenuePence"),
  };
  console.table(
    [file, ...checked].map(({ region, orders, products, customers, lines, units, stock, revenuePence }) => ({
      region,
      orders,
      products,
      customers,
      lines: String(lines),
      units: String(units),
      stock: String(stock),
      "revenue (pence)": String(revenuePence),
    })),
  );
  const differences = [
    ...bookDifferences(shop.books, expected).map((text) => `the books: ${text}`),
    ...checked.flatMap((region) => region.differences.map((text) => `${region.region}: ${text}`)),
  ];
  for (const text of differences.slice(0, 20)) say(text);
  const isSame = new Set(checked.map((region) => region.content)).size === 1;
  const isWhole = checked.every((region) => region.lines === BigInt(expected.lines));
  if (differences.length > 0 || !isSame || !isWhole) {
    say(
      `FAILED: ${differences.length} differences from the file and the books; regions ${isSame ? "are" : "are not"} the same`,
    );
    return 1;
  }
  say(`passed: all ${expected.lines} lines are in every region, and all regions are the same`);
  say("passed: the stock is what was given and not sold, nowhere below 0, and rights are held to all of it");
  return 0;
}

function sum(expected: Expected, name: "units" | "revenuePence"): bigint {
  return [...expected.products.values()].reduce((total, product) => total + product[name], 0n);
}
