/** The cluster as its regions see it, on three real ones: cut links, a log without a leader, a database that is away. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Compile } from "typebox/compile";
import {
  ClusterHistory,
  ClusterView,
  type LagView,
  type LiveMessage,
} from "../../services/protocol/cluster/view.ts";
import { eventually, leaderOf, startBed, type Bed } from "./cluster/bed.ts";
import { COLLECTION, createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";

const TIMEOUT_MS = 180_000;
/** A cut link is named within three seconds; the wait ends there. */
const NAMED_MS = 3_000;
const LIMIT_MS = 40_000;

let bed: Bed;
const views = Compile(ClusterView);
const histories = Compile(ClusterHistory);

beforeAll(async () => {
  bed = await startBed("cluster-view");
  await createCollection(bed);
  for (const { name } of bed.cluster.regions) await seen(name, "all is well", isWell);
}, TIMEOUT_MS);
// What a test has broken and not mended, as it failed, is none of the next one's.
afterEach(() => bed.cluster.faults.healAll(), TIMEOUT_MS);
afterAll(() => bed.stop(), TIMEOUT_MS);

async function viewOf(region: string): Promise<ClusterView> {
  const answer = await fetch(`${bed.cluster.region(region).url}/v1/cluster`);
  const view: unknown = await answer.json();
  expect([...views.Errors(view)].slice(0, 3)).toEqual([]);
  return view as ClusterView;
}

/** Polls a region's view until it shows something. @throws with what it showed last. */
const seenWithin =
  (limitMs: number) =>
  (region: string, what: string, isSo: (view: ClusterView) => boolean): Promise<ClusterView> =>
    eventually(
      `${region} shows that ${what}`,
      async () => {
        const view = await viewOf(region);
        if (isSo(view)) return view;
        throw new Error(JSON.stringify({ findings: view.findings, links: view.links, lags: view.lags }));
      },
      limitMs,
    );
const seen = seenWithin(LIMIT_MS);
const seenSoon = seenWithin(NAMED_MS);

const isWell = ({ findings, regions, lags }: ClusterView) =>
  findings.length === 0 && regions.every(({ state }) => state === "heard") && lags.length === 6;
const has = (id: string) => (view: ClusterView) => view.findings.some((finding) => finding.id === id);
const lagOf = ({ lags }: ClusterView, origin: string, region: string): LagView =>
  lags.find((lag) => lag.origin === origin && lag.region === region)!;

async function write(region: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const url = `${bed.cluster.region(region).url}/v1/collections/${COLLECTION}/records/key-${index}`;
    expect((await send(url, { method: "PATCH", body: { inc: { total: 1 } } }))?.status).toBe(202);
  }
}

describe("the view of a cluster", () => {
  it(
    "names a link that is cut within three seconds, at both of its ends and elsewhere, until it is healed",
    async () => {
      const cutAtMs = performance.now();
      bed.cluster.cutLink("eu", "us");
      const named = async (viewer: string, from: string, to: string) => {
        await seenSoon(viewer, `the link from ${from} to ${to} is cut`, has(`link-cut:${from}:${to}`));
        return `${viewer} after ${Math.round(performance.now() - cutAtMs)} ms`;
      };
      const told = await Promise.all([
        named("eu", "us", "eu"),
        named("us", "eu", "us"),
        named("ap", "us", "eu"),
        named("ap", "eu", "us"),
      ]);
      process.stdout.write(`a cut link was named by ${told.join(", ")}\n`);
      const view = await viewOf("eu");
      expect(view.regions.find(({ region }) => region === "us")).toMatchObject({
        state: "silent",
        heard_by: ["ap"],
      });
      expect(view.findings.map(({ id }) => id)).not.toContain("region-silent:us");
      bed.cluster.healLink("eu", "us");
      for (const { name } of bed.cluster.regions) await seen(name, "all is well again", isWell);
      const { events } = await viewOf("eu");
      expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["link-cut", "link-healed"]));
    },
    TIMEOUT_MS,
  );

  it(
    "shows operations in the buffer, since the log has no leader, and goes on without it",
    async () => {
      const dead = await leaderOf(bed);
      const [one, other] = bed.cluster.regions.map(({ name }) => name).filter((name) => name !== dead) as [
        string,
        string,
      ];
      await bed.cluster.killNats(dead);
      await write(one, 5);
      const [view] = await Promise.all([
        seen(other, `what ${one} has taken waits for a leader`, (shown) => {
          const { reason, in_buffer: inBuffer } = lagOf(shown, one, other);
          return reason === "no-leader" && inBuffer >= 5;
        }),
        seen(one, "nobody leads", has("leader-missing:0")),
      ]);
      const lag = lagOf(view, one, other);
      expect(lag).toMatchObject({ stage: "buffer", in_log: 0, in_fold: 0 });
      expect(lag.text).toMatch(/has no leader/);
      expect(lag.waits_for?.kind).toBe("operation");
      expect(view.regions.find(({ region }) => region === dead)?.state).toBe("silent");
      expect(view.regions.find(({ region }) => region === one)?.state).toBe("heard");
      await bed.cluster.startNats(dead);
      for (const { name } of bed.cluster.regions) await seen(name, "all is well again", isWell);
      const { events } = await viewOf(other);
      expect(events.map(({ kind }) => kind)).toContain("leader-changed");
    },
    TIMEOUT_MS,
  );

  it(
    "shows a region whose database is away, also to itself, and what that holds back",
    async () => {
      await bed.cluster.faults.pause("postgres", "us");
      await write("eu", 5);
      for (const viewer of ["us", "eu"]) {
        const view = await seen(viewer, "the database of us is away", (shown) => {
          const lag = lagOf(shown, "eu", "us");
          return (
            has("database-away:us")(shown) &&
            lag.reason === "database-away" &&
            lag.operations >= 5 &&
            lagOf(shown, "eu", "ap").reason === "nothing"
          );
        });
        expect(lagOf(view, "eu", "us").text).toMatch(/the database of us does not answer/);
      }
      await bed.cluster.faults.resume("postgres", "us");
      for (const { name } of bed.cluster.regions) await seen(name, "all is well again", isWell);
    },
    TIMEOUT_MS,
  );

  it(
    "comes over a WebSocket at once and again, and is kept for charts",
    async () => {
      const url = `${bed.cluster.region("ap").url.replace("http", "ws")}/v1/cluster/live`;
      const socket = new WebSocket(url);
      const messages: LiveMessage[] = [];
      socket.on("message", (data: Buffer) => void messages.push(JSON.parse(data.toString()) as LiveMessage));
      await eventually("three views have come", () => (messages.length >= 3 ? true : undefined));
      socket.close();
      const times = messages.map(({ view }) => view.viewer.at);
      expect(new Set(times).size).toBe(times.length);
      for (const { view } of messages) expect(views.Check(view)).toBe(true);
      const answer = await fetch(
        `${bed.cluster.region("ap").url}/v1/cluster/history?span_ms=60000&points=60`,
      );
      const history: unknown = await answer.json();
      expect([...histories.Errors(history)].slice(0, 3)).toEqual([]);
      const { series } = history as ClusterHistory;
      const lagged = series.find(
        ({ name, origin, region }) => name === "lag_ms" && origin === "eu" && region === "us",
      );
      expect(lagged?.values).toHaveLength(60);
      expect(lagged?.values.some((value) => value !== null)).toBe(true);
    },
    TIMEOUT_MS,
  );
});
