/** The console on a real cluster: what an operator breaks there is told there, with its reason; and drift is found and mended. */
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { buildConsole } from "../../../infra/build/console.ts";
import { authorization } from "../../../infra/local/authorization.ts";
import { LocalCluster } from "../../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import type { ClusterView } from "../../../services/protocol/cluster/view.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { eventually, withStores, type Bed } from "../cluster/bed.ts";
import { COLLECTION, createCollection } from "../cluster/load.ts";
import { send } from "../cluster/request.ts";
import { BROWSER_TIMEOUT_MS, launchBrowser } from "../console/chromium.ts";
import { editRow } from "../postgres/edit-row.ts";

const START_TIMEOUT_MS = 120_000;
const REGIONS = ["ap", "eu", "us"];

const folder = makeTemporaryFolder("console");
let bed: Bed;
let browser: Browser;
let context: BrowserContext;
const writing = new AbortController();

beforeAll(async () => {
  await buildConsole();
  browser = await launchBrowser();
  const cluster = await LocalCluster.start({
    dataFolder: folder.path,
    topology: join(packageRoot(), "test/integration/topologies/one-partition.yaml"),
    portBase: 0,
    migrate: migrateDatabase,
    control: true,
    environment: { FOREBAY_VERIFY_EVERY_SECONDS: "0" },
  });
  bed = { cluster, partitions: 1, stop: () => cluster.stop() };
  await createCollection(bed);
}, BROWSER_TIMEOUT_MS + START_TIMEOUT_MS);

afterAll(async () => {
  writing.abort();
  await browser?.close();
  await bed?.stop();
  folder.remove();
}, START_TIMEOUT_MS);

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1_280, height: 900 } });
  context.setDefaultTimeout(60_000);
});

afterEach(async () => {
  await context.close();
  // What a test has broken and not mended is not the next one's business.
  await bed.cluster.faults.healAll();
});

const urlOf = (region: string) => bed.cluster.region(region).url;

async function open(region: string, hash: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${urlOf(region)}/console#key=${bed.cluster.key}`);
  await page.waitForURL(/#\/overview$/);
  await page.goto(`${urlOf(region)}/console#/${hash}`);
  await page.locator("main h1").waitFor();
  return page;
}

/** A few writes a second to one region, as long as the test runs. */
async function keepWriting(region: string): Promise<void> {
  for (let count = 0; !writing.signal.aborted; count += 1) {
    await write(region, `k${count % 20}`).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

function write(region: string, key: string) {
  const url = `${urlOf(region)}/v1/collections/${COLLECTION}/records/${key}`;
  return send(url, {
    method: "PATCH",
    headers: authorization(bed.cluster.key),
    body: { set: { last: region }, inc: { total: 1 } },
  });
}

async function viewOf(region: string): Promise<ClusterView> {
  const answer = await fetch(`${urlOf(region)}/v1/cluster`, {
    headers: authorization(bed.cluster.key),
    signal: AbortSignal.timeout(2_000),
  });
  return (await answer.json()) as ClusterView;
}

async function well(region: string): Promise<void> {
  await eventually(`${region} sees nothing at risk`, async () => {
    const { level, findings } = await viewOf(region);
    if (level !== "ok") throw new Error(findings.map(({ what }) => what).join("; "));
    return true;
  });
}

async function leaderSeenBy(region: string): Promise<string> {
  return eventually(`${region} knows a leader`, async () => {
    const view = await viewOf(region);
    const own = view.regions.find((one) => one.region === region);
    return own?.processes[0]?.partitions[0]?.leader;
  });
}

/** The rows that a buffer's line tells of. */
async function rowsOf(page: Page, region: string): Promise<number> {
  const row = page
    .getByRole("table", { name: "Buffers by region" })
    .getByRole("row")
    .filter({
      has: page.getByRole("rowheader", { name: region, exact: true }),
    });
  return Number((await row.getByRole("cell").first().textContent())?.replaceAll(",", ""));
}

it("names a cut link where it was cut, shows buffer and lag rise with the reason, and sees them fall", async () => {
  await well("eu");
  void keepWriting("ap");
  const eu = await open("eu", "chaos");
  for (const other of ["eu", "us"]) {
    await eu.getByRole("button", { name: `Cut ap – ${other}` }).click();
    await eu.getByRole("button", { name: `Heal ap – ${other}` }).waitFor();
  }
  await eu.getByRole("navigation").getByRole("link", { name: "Overview" }).click();
  await eu.locator(".finding", { hasText: "ap" }).first().waitFor();
  await eu.getByRole("img", { name: /^Links (cut|dark): ap and eu, ap and us/ }).waitFor();
  await eu.locator(".headline.level-risk, .headline.level-hurt").waitFor();

  const ap = await open("ap", "buffers");
  const first = await eventually("ap's buffer holds rows", async () => {
    const rows = await rowsOf(ap, "ap");
    return rows > 5 ? rows : undefined;
  });
  await eventually("ap's buffer rises", async () => ((await rowsOf(ap, "ap")) > first ? true : undefined));
  await ap.goto(`${urlOf("ap")}/console#/overview`);
  await ap.locator(".finding", { hasText: "The breaker of ap is open" }).waitFor();
  await eu.goto(`${urlOf("eu")}/console#/lag?origin=ap`);
  const wait = eu.locator(".wait.loud", { hasText: "ap → eu" });
  await wait.getByText("ap is not heard here").waitFor();

  await eu.goto(`${urlOf("eu")}/console#/chaos`);
  await eu.getByRole("button", { name: "Heal everything" }).click();
  await ap.goto(`${urlOf("ap")}/console#/buffers`);
  await eventually("ap's buffer falls", async () => ((await rowsOf(ap, "ap")) < first ? true : undefined));
  await ap.goto(`${urlOf("ap")}/console#/lag?origin=ap`);
  await ap.locator(".wait.loud").first().waitFor({ state: "detached" });
  await eu.goto(`${urlOf("eu")}/console#/overview`);
  await eu.locator(".headline.level-ok").waitFor();
}, 240_000);

it("shows an election after the leader was killed in the console, and the leader's return", async () => {
  await well("eu");
  const leader = await leaderSeenBy("eu");
  const here = REGIONS.find((region) => region !== leader)!;
  const page = await open(here, "chaos");
  await page.getByRole("button", { name: "Kill the leader" }).click();
  await page.getByRole("button", { name: "Yes, kill the leader" }).click();
  await page.getByRole("button", { name: `Start ${leader} nats-server` }).waitFor();
  await page.goto(`${urlOf(here)}/console#/log`);
  const elections = page.getByRole("table", { name: "Elections, newest first" });
  await elections.getByRole("row").nth(1).waitFor();
  const after = await eventually("another leads", async () => {
    const now = await leaderSeenBy(here);
    return now === leader ? undefined : now;
  });
  await page
    .getByRole("table", { name: "Leaders by partition" })
    .getByRole("cell", { name: after, exact: true })
    .waitFor();
  await elections.getByText(new RegExp(after)).first().waitFor();
  await page.goto(`${urlOf(here)}/console#/chaos`);
  await page.getByRole("button", { name: `Start ${leader} nats-server` }).click();
  await page.getByRole("button", { name: `Kill ${leader} nats-server` }).waitFor();
  await well(here);
}, 240_000);

it("finds a row that was edited in a region's database, shows it, and mends it after a dry run", async () => {
  await write("eu", "planted");
  const id = { tenant: "default", collection: COLLECTION, key: "planted" };
  const row = await eventually("ap has the record", () =>
    withStores(
      bed,
      async (stores) => (await stores.get("ap")!.readRecord({ partition: 0, ...id })).committed,
    ),
  );
  const edited = { ...row, fields: { ...row.fields, total: { kind: "counter", sum: 777 } } } as StoredRecord;
  await editRow(bed.cluster.region("ap").postgres.url, { partition: 0, id }, edited);

  const page = await open("eu", "reconciler");
  await page.getByRole("button", { name: "Verify now" }).click();
  const found = page.getByRole("table", { name: `${COLLECTION} planted, region by region` });
  await found.getByRole("cell", { name: "777" }).waitFor();
  await page.getByText("diverged").first().waitFor();
  await page.getByLabel("Reason, kept with every change").fill("edited by hand");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText("Would set 1 record right.").waitFor();
  await page.getByRole("button", { name: "Repair", exact: true }).click();
  await page.getByRole("button", { name: "Yes, repair" }).click();
  await page.getByText(/Has set 1 record right/).waitFor();

  await page.getByRole("button", { name: "Verify now" }).click();
  await page
    .getByRole("table", { name: /Newest verdicts/ })
    .getByRole("row", { name: /eu match/ })
    .waitFor();
  const ap = await open("ap", "reconciler");
  await ap.locator(".repairs summary", { hasText: "planted" }).click();
  const repaired = ap.getByRole("table", { name: `${COLLECTION} planted, before and after` });
  expect(await repaired.getByRole("row", { name: /total/ }).getByRole("cell").allTextContents()).toEqual([
    "777",
    "1",
    "▲differs",
  ]);
}, 240_000);

it("asks for a key where it has none, or a wrong one, and opens with the right one", async () => {
  const page = await context.newPage();
  await page.goto(`${urlOf("eu")}/console`);
  await page.getByRole("heading", { name: "This region asks for a key" }).waitFor();
  await page.getByLabel("Key", { exact: true }).fill("fb_wrong");
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByText("The region does not take the key").waitFor();
  await page.getByLabel("Key", { exact: true }).fill(bed.cluster.key!);
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  expect(page.url()).not.toContain(bed.cluster.key!);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(1);
});
