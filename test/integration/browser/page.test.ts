/** The console's page in a real browser, on a cluster that is only played: every view, with keyboard, phone and lost feed. */
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildConsole } from "../../../infra/build/console.ts";
import { VIEW_TITLES, VIEWS, type ViewName } from "../../../services/console/page/model/route.ts";
import { BROWSER_TIMEOUT_MS, launchBrowser } from "../console/chromium.ts";
import { startFeedServer, type FeedServer } from "../console/feed-server.ts";
import { faultsOf } from "./page-faults.ts";
import { VERIFICATION } from "../console/simulated-answers.ts";
import { NINE_REGIONS, SimulatedCluster } from "../console/simulated-cluster.ts";

const WIDE = { width: 1_280, height: 900 };
const PHONE = { width: 360, height: 740 };
/** What makes a view show all that it has. */
const QUERIES: Partial<Record<ViewName, string>> = {
  reconciler: `?verification=${VERIFICATION}`,
  records: "?collection=users&key=ada&operation=0199a1b2-0000-7000-8000-000000000042",
};

let browser: Browser;
let folder: string;
let cluster: SimulatedCluster;
let server: FeedServer;
let context: BrowserContext;
let page: Page;
let errors: string[];

beforeAll(async () => {
  ({ folder } = await buildConsole());
  browser = await launchBrowser();
}, BROWSER_TIMEOUT_MS);

afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  cluster = new SimulatedCluster();
  server = await startFeedServer(cluster, folder);
  await open(WIDE);
});

afterEach(async () => {
  await context.close();
  await server.close();
  expect(errors).toEqual([]);
});

async function open(
  viewport: { width: number; height: number },
  colorScheme: "light" | "dark" = "light",
): Promise<void> {
  await context?.close();
  context = await browser.newContext({ viewport, colorScheme });
  page = await context.newPage();
  errors = [];
  page.on("pageerror", (error) => errors.push(String(error.stack)));
  page.on("console", (message) => {
    // A feed that the test takes away is told by the browser, too.
    const text = message.text();
    if (message.type() === "error" && !/WebSocket|ERR_/.test(text)) errors.push(text);
  });
}

async function go(view: ViewName, query = QUERIES[view] ?? ""): Promise<void> {
  await page.goto(`${server.url}/console#/${view}${query}`);
  await page.getByRole("heading", { level: 1, name: VIEW_TITLES[view], exact: true }).waitFor();
}

const text = async (locator: Locator) => (await locator.textContent()) ?? "";
const headline = () => page.locator(".headline");
const button = (name: string | RegExp) =>
  page.getByRole("button", typeof name === "string" ? { name, exact: true } : { name });

describe("every view", () => {
  it.each(VIEWS)("%s renders, has names for all its controls, and fits on a phone", async (view) => {
    cluster.elect();
    cluster.cut("ap");
    for (const [viewport, scheme] of [
      [WIDE, "light"],
      [PHONE, "dark"],
    ] as const) {
      await open(viewport, scheme);
      await go(view);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      expect(await page.evaluate(faultsOf)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
    }
  });

  it("the check of names and structure can fail", async () => {
    await go("overview");
    await page.evaluate(() => {
      document
        .querySelector("main")!
        .insertAdjacentHTML(
          "beforeend",
          "<button></button><input /><table><tr><td>1</td></tr></table><img width='1' height='1'><h1>two</h1><svg role='img'></svg>",
        );
    });
    const faults = await page.evaluate(faultsOf);
    expect(
      faults.map((fault) => fault.split(":")[0]!).toSorted((one, other) => (one < other ? -1 : 1)),
    ).toEqual([
      "img without a name",
      "no name",
      "no name",
      "not one h1",
      "svg without a name",
      "table without a caption",
    ]);
  });
});

describe("an operator", () => {
  it("reads whether anybody is hurt, and why, while it changes", async () => {
    await go("overview");
    expect(await text(headline())).toContain("No user is hurt, and nothing is at risk.");
    cluster.cut("ap");
    server.push();
    await page.getByText("ap is cut off from all other regions").waitFor();
    expect(await text(headline())).toContain("No user is hurt. 1 risk in ap.");
    expect(await page.getByRole("img", { name: "Links cut: ap and eu, ap and us" }).count()).toBe(1);
    cluster.hurt = "us";
    server.push();
    await page.locator(".headline.level-hurt").waitFor();
    expect(await headline().getByRole("alert").getByText("Users are hurt in us").count()).toBe(1);
    await page.getByText("Send its users to another region").waitFor();
  });

  it("is told that the console is disconnected, how old all is, and that it is back", async () => {
    await go("buffers");
    await page.locator(".connection").getByText("Live").waitFor();
    server.refuseFeed(true);
    await page.getByText("The console is disconnected").waitFor();
    await page.getByText(/All below is .* old/).waitFor();
    await page.locator("td .stale").first().waitFor();
    expect(await text(headline())).toContain("When it was last seen:");
    server.refuseFeed(false);
    await page.locator(".connection").getByText("Live").waitFor();
    expect(await page.locator("td .stale").getByText("old").count()).toBe(0);
  });

  it("sees how old the figures of a silent region are", async () => {
    cluster.silent = "us";
    await go("overview");
    const tile = page.locator(".tile", { hasText: "us" }).first();
    await tile.getByText("silent").waitFor();
    await tile.getByText(/4\d s old/).waitFor();
  });

  it("follows a lag from the matrix to its reason, and comes back with the back button", async () => {
    cluster.cut("ap");
    await go("overview");
    await page
      .getByRole("table", { name: /Lag from each origin/ })
      .getByRole("link")
      .nth(1)
      .click();
    await page.getByRole("heading", { level: 1, name: "Lag" }).waitFor();
    expect(page.url()).toContain("#/lag?origin=ap&region=eu");
    await page.locator(".wait").getByText("its breaker is open").waitFor();
    expect(await page.getByLabel("Origin", { exact: true }).inputValue()).toBe("ap");
    await page.getByLabel("Origin", { exact: true }).selectOption("us");
    await page.waitForURL(/origin=us/);
    await page.goBack();
    await page.waitForURL(/origin=ap/);
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  });

  it("repairs only with a reason, and only what a dry run has told of", async () => {
    await go("reconciler");
    await page.getByRole("cell", { name: '"Eve"' }).first().waitFor();
    expect(await button("Repair").isDisabled()).toBe(true);
    expect(await button("Dry run").isDisabled()).toBe(true);
    await page.getByLabel("Reason, kept with every change").fill("edited by hand");
    await button("Dry run").click();
    await page.getByText("Would set 1 record right.").waitFor();
    await button("Repair").click();
    await button("Yes, repair").click();
    await page.getByText(/Has set 1 record right, at position 1240/).waitFor();
    const repairs = server.orders.filter(({ url }) => url.endsWith("/repair"));
    expect(repairs.map(({ body }) => body)).toEqual([
      { dry_run: true, reason: "edited by hand" },
      { dry_run: false, reason: "edited by hand" },
    ]);
  });

  it("asks for another dry run once something else was asked for", async () => {
    await go("reconciler");
    const reason = page.getByLabel("Reason, kept with every change");
    await reason.fill("edited by hand");
    await button("Dry run").click();
    await page.getByText("Would set 1 record right.").waitFor();
    await page.getByLabel("Where no majority is").selectOption("eu");
    expect(await button("Repair").isDisabled()).toBe(true);
  });

  it("brings a value back that has lost, after a question", async () => {
    await go("conflicts");
    await button("Restore name of users ada").first().click();
    await page.getByText('Write "Ada L." again?').waitFor();
    await button("No").click();
    await button("Restore name of users ada").first().click();
    await button("Yes, restore").click();
    await page.getByRole("status").getByText("accepted").waitFor();
    expect(server.orders.map(({ url }) => url)).toEqual(["/v1/conflicts/0-900-1/restore"]);
  });

  it("filters conflicts without a step of the back button per letter", async () => {
    await go("overview");
    await page.getByRole("navigation").getByRole("link", { name: "Conflicts" }).click();
    await page.getByLabel("Collection").pressSequentially("users");
    await page.waitForURL(/collection=users/);
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  });

  it("sees what a record shows here and what the log has", async () => {
    await go("records");
    const row = page.getByRole("table", { name: "Fields" }).getByRole("row", { name: /likes/ });
    await row.getByText("differs").waitFor();
    expect(await row.getByRole("cell").allTextContents()).toEqual(["13", "12", "◆differs"]);
    await page.getByText("ordered by the log, and effective").waitFor();
  });

  it("looks back through the log at what was written to a record", async () => {
    await go("records");
    const writes = page.getByRole("table", { name: "Writes in the log, newest first" });
    await writes.getByText("delete (decided by the log)").waitFor();
    await writes.getByText("there is no such record").waitFor();
    await button("Look further back").click();
    await writes.getByText(/set name "?Bob"? \(accepted by its region\)/).waitFor();
    expect(await button("Look further back").count()).toBe(0);
  });

  it("breaks and mends a local cluster, and finds no such thing elsewhere", async () => {
    await go("chaos");
    await button("Cut ap – eu").click();
    await button("Heal ap – eu").waitFor();
    await button("Kill the leader").click();
    await button("Yes, kill the leader").click();
    await page.getByText("did kill-leader").waitFor();
    await button("Heal everything").click();
    await button("Cut ap – eu").waitFor();
    expect(server.orders.map(({ body }) => (body as { do: string }).do)).toEqual([
      "link",
      "kill-leader",
      "heal",
    ]);
    await server.close();
    cluster = new SimulatedCluster({ hasChaos: false });
    server = await startFeedServer(cluster, folder);
    await go("chaos");
    await page.getByText("Only a cluster on one machine").waitFor();
    expect(await page.getByRole("navigation").getByRole("link", { name: "Chaos" }).count()).toBe(0);
  });
});

describe("without a mouse", () => {
  it("stays on the answer that is chosen while views come, and returns to the button that asked", async () => {
    await go("conflicts");
    const isFocused = (locator: Locator) => locator.evaluate((one) => one === document.activeElement);
    await button("Restore name of users ada").first().click();
    expect(await isFocused(button("Yes, restore"))).toBe(true);
    await page.keyboard.press("Tab");
    cluster.cut("ap");
    server.push();
    await headline().getByText("1 risk in ap").first().waitFor();
    expect(await isFocused(button("No"))).toBe(true);
    await page.keyboard.press("Enter");
    const name = "Restore name of users ada";
    await page.waitForFunction((label) => document.activeElement?.getAttribute("aria-label") === label, name);
  });

  it("skips to the content, and reaches the views and what is in them in their order", async () => {
    await go("lag");
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim().slice(0, 30) ?? "");
    expect(await focused()).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("main") !== null)).toBe(true);
  });

  it("shows where the focus is, on every control of a view", async () => {
    await go("chaos");
    await page.keyboard.press("Tab");
    for (let step = 0; step < 20; step += 1) {
      await page.keyboard.press("Tab");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
      expect(outline).not.toBe("none");
    }
  });
});

it("takes the theme that is chosen, and keeps it", async () => {
  await go("overview");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel("Theme").selectOption("dark");
  expect(await ground()).not.toBe(light);
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  expect(await page.getByLabel("Theme").inputValue()).toBe("dark");
  expect(await ground()).not.toBe(light);
});

it("stays usable with 9 regions, 16 partitions and 30 days", async () => {
  await server.close();
  cluster = new SimulatedCluster({ regions: NINE_REGIONS, partitions: 16 });
  server = await startFeedServer(cluster, folder);
  cluster.cut("jp");
  await go("lag", "?span=30d");
  await page
    .getByText(/more pairs: choose/)
    .first()
    .waitFor();
  await page.getByLabel("Partition", { exact: true }).selectOption("7");
  await page.getByLabel("Origin", { exact: true }).selectOption("jp");
  await page.waitForURL(/partition=7.*origin=jp|origin=jp.*partition=7/);
  await page.getByRole("list", { name: /Lag of jp, by region/ }).waitFor();
  expect(await page.locator(".wait").count()).toBe(9);
  for (const view of ["overview", "buffers", "log"] as const) {
    await page.getByRole("navigation").getByRole("link", { name: VIEW_TITLES[view] }).click();
    await page.getByRole("heading", { level: 1, name: VIEW_TITLES[view] }).waitFor();
  }
});
