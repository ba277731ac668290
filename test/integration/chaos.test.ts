/** A real cluster is broken through its control channel in every way there is, and a scenario is run and reported. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { ControlClient } from "../../infra/local/control/client.ts";
import type { ControlAddress } from "../../infra/local/control/protocol.ts";
import type { Action } from "../../infra/local/faults/action.ts";
import { descendantsOf, isStopped } from "../../infra/local/faults/process-tree.ts";
import { identifyProcess } from "../../infra/local/process-identity.ts";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { createProgram } from "../../services/cli/program.ts";
import { recordIdText } from "../../services/core/operation.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { eventually } from "./cluster/bed.ts";

const folder = mkdtempSync(join(tmpdir(), "forebay-chaos-"));
const data = join(folder, "data");
const WHOLE = { links: [], paused: [], stopped: [] };
const LIMIT_MS = 60_000;
/** What no fold would do: one region forgets a record. */
const PLANT = "delete from records where record_id = $1";

let cluster: LocalCluster;
let client: ControlClient;

beforeAll(async () => {
  cluster = await LocalCluster.start({
    authentication: "off",
    dataFolder: data,
    topology: join(packageRoot(), "test/integration/topologies/one-partition.yaml"),
    portBase: 0,
    migrate: migrateDatabase,
    supervise: true,
    control: true,
  });
  const file = JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")) as { control: ControlAddress };
  client = new ControlClient(file.control);
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

function url(region: string, path: string): string {
  return `${cluster.region(region).url}${path}`;
}

/** A probe write's status; undefined for none within the time. */
async function write(region: string, timeoutMs = 15_000): Promise<number | undefined> {
  try {
    const response = await fetch(url(region, "/v1/collections/probes/records/one"), {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ set: { by: region } }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}

/** Does it, looks at what follows, and undoes it. */
async function whileBroken(action: Action, look: () => Promise<void>): Promise<void> {
  const { undo } = await client.perform(action);
  try {
    await look();
  } finally {
    await client.perform(undo!);
  }
  expect(await client.faults()).toEqual(WHOLE);
}

async function untilLeader(isMeant: (leader: string) => boolean): Promise<string> {
  return await eventually("a leader", async () => {
    const leader = await cluster.faults.leader();
    return leader !== undefined && isMeant(leader) ? leader : undefined;
  });
}

/** Writes of this region are folded in another: what lies between them works. */
async function untilCarried(from: string, to: string): Promise<void> {
  const key = `from-${from}-${Date.now()}`;
  const path = `/v1/collections/probes/records/${key}`;
  const body = JSON.stringify({ set: { by: from } });
  const headers = { "content-type": "application/json" };
  expect((await fetch(url(from, path), { method: "PATCH", headers, body })).status).toBe(202);
  await eventually(
    `${to} has what ${from} wrote`,
    async () => ((await fetch(url(to, path))).status === 200 ? true : undefined),
    LIMIT_MS,
  );
}

describe("a cluster with a control channel", () => {
  it("takes writes before anything is broken", async () => {
    const schema = JSON.stringify({ fields: { by: { class: "lww" } } });
    const headers = { "content-type": "application/json" };
    const made = await fetch(url("eu", "/v1/collections/probes"), { method: "PUT", headers, body: schema });
    expect(made.status).toBe(200);
    for (const region of ["eu", "us", "ap"]) {
      await eventually(`${region} takes writes`, async () =>
        (await write(region)) === 202 ? true : undefined,
      );
    }
    expect(await client.faults()).toEqual(WHOLE);
  });

  it("is cut, slowed, shaken and made lossy, and local writes go on", async () => {
    const link = { do: "link", one: "eu", other: "us" } as const;
    const faults = [
      { is_cut: true },
      { latency_ms: 5, jitter_ms: 200 },
      { loss_percent: 30 },
      { is_cut: true, one_way: true },
    ];
    for (const fault of faults) {
      await whileBroken({ ...link, ...fault }, async () => {
        const { links } = await client.faults();
        expect(links).toHaveLength("one_way" in fault ? 1 : 2);
        const { one_way: _, ...expected } = { one_way: false, ...fault };
        for (const direction of links) expect(direction).toMatchObject(expected);
        for (const region of ["eu", "us"]) expect(await write(region)).toBe(202);
      });
    }
    await untilCarried("eu", "us");
    await untilCarried("us", "eu");
  });

  it("has a nats-server frozen: it accepts, never answers, and nobody starts another", async () => {
    const { pid, monitorUrl } = cluster.region("ap").nats;
    await whileBroken({ do: "pause", target: "nats", region: "ap" }, async () => {
      expect(isStopped(pid!)).toBe(true);
      await expect(fetch(monitorUrl, { signal: AbortSignal.timeout(300) })).rejects.toThrow("timeout");
      expect(await write("ap")).toBe(202);
    });
    expect(cluster.region("ap").nats.pid).toBe(pid);
    expect((await fetch(monitorUrl)).status).toBe(200);
  });

  it("has a PostgreSQL frozen with all its backends: a write there gets no acknowledgement, elsewhere it does", async () => {
    const pid = cluster.region("us").postgres.pid!;
    await whileBroken({ do: "pause", target: "postgres", region: "us" }, async () => {
      const backends = descendantsOf(pid);
      expect(backends.length).toBeGreaterThan(3);
      expect([pid, ...backends.map((backend) => backend.pid)].every(isStopped)).toBe(true);
      expect(await write("us", 1_000)).not.toBe(202);
      expect(await write("eu")).toBe(202);
    });
    expect(cluster.region("us").postgres.pid).toBe(pid);
    await eventually("us takes writes again", async () => ((await write("us")) === 202 ? true : undefined));
  });

  it("moves its leader, loses it, and flaps", async () => {
    const first = await untilLeader(() => true);
    const { from } = await cluster.faults.stepDown();
    expect(from).toBe(first);
    await client.perform({ do: "flap-leader", every_ms: 300 });
    await eventually("the leader has stepped down three times", async () => {
      const { flapping } = await client.faults();
      return (flapping?.moves ?? 0) >= 3 ? true : undefined;
    });
    await client.perform({ do: "stop-flapping" });
    const leader = await untilLeader(() => true);
    const killed = await client.perform({ do: "kill-leader" });
    const [stopped] = (await client.faults()).stopped;
    expect(killed.told).toBe(`killed nats ${stopped!.region}, the leader`);
    expect(killed.undo).toEqual({ do: "restart", target: "nats", region: stopped!.region });
    expect(stopped!.target).toBe("nats");
    await untilLeader((next) => next !== stopped!.region);
    expect(await write(leader)).toBe(202);
    await client.perform({ do: "heal" });
    expect(await client.faults()).toEqual(WHOLE);
  });

  it("runs a scenario from the command line, and reports it", async () => {
    const scenario = join(folder, "short.yaml");
    const reportPath = join(folder, "report.json");
    writeFileSync(
      scenario,
      `name: short
duration: 5s
load: { writes_per_second: 10 }
steps:
  - { at: 1s, do: cut eu us --for 2s }
  - { at: 1s, do: jitter us ap 200 --for 2s }
  - { at: 0s, expect: { leader: any }, within: 5s }
expect: { local_writes_failed: 0, drained_within: 60s, same_state: true }
`,
    );
    let printed = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((printed += text.toString()), true));
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    const words = ["chaos", "run", scenario, "--data", data, "--report", reportPath];
    await createProgram("0").parseAsync(["node", "forebay", ...words]);
    expect(printed).toContain("short: all 5 expectations hold");
    const report = JSON.parse(readFileSync(reportPath, "utf8")) as {
      readonly ok: boolean;
      readonly done: readonly { readonly told: string }[];
      readonly expected: readonly { readonly observed: string }[];
      readonly observed: readonly { readonly leader: string | null; readonly regions: object }[];
      readonly load: Readonly<Record<string, { readonly succeeded: number }>>;
    };
    expect(report.ok).toBe(true);
    expect(report.done.map(({ told }) => told).sort()).toEqual([
      "eu – us: cut",
      "eu – us: mended",
      "healed everything",
      "us – ap: jitter ±200 ms",
      "us – ap: mended",
    ]);
    expect(report.observed.some(({ leader }) => leader !== null)).toBe(true);
    expect(Object.keys(report.observed[0]!.regions)).toEqual(["eu", "us", "ap"]);
    expect(Object.values(report.load).every(({ succeeded }) => succeeded > 20)).toBe(true);
    expect(report.expected.some(({ observed }) => observed.startsWith("equal at 0/"))).toBe(true);
    expect(report.expected.at(-1)!.observed).toMatch(/^[1-9]\d* in every region$/);
  });

  it("finds out that writes have failed, and that a region's records are not the others'", async () => {
    const scenario = join(folder, "planted.yaml");
    writeFileSync(
      scenario,
      `name: planted
duration: 3s
load: { writes_per_second: 10 }
steps:
  - { at: 500ms, do: kill region us --for 1s }
expect: { local_writes_failed: 0, same_state: true }
`,
    );
    const database = new pg.Client({ connectionString: cluster.region("ap").postgres.url });
    await database.connect();
    const { rowCount } = await database.query(PLANT, [
      recordIdText({ tenant: "default", collection: "probes", key: "one" }),
    ]);
    await database.end();
    expect(rowCount).toBe(1);
    let printed = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((printed += text.toString()), true));
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    const running = createProgram("0").parseAsync([
      "node",
      "forebay",
      "chaos",
      "run",
      scenario,
      "--data",
      data,
    ]);
    await expect(running).rejects.toThrow("scenario planted did not go as expected");
    expect(printed).toMatch(/local_writes_failed: 0 +BROKEN +[1-9]\d* of \d+ failed/);
    expect(printed).toMatch(/same_state: true +BROKEN +2 digests at 0\//);
    expect(printed).toContain("planted: 2 of 3 expectations do not hold");
  });

  it("leaves nothing behind when it is stopped while things are frozen and killed", async () => {
    await client.perform({ do: "pause", target: "postgres", region: "eu" });
    await client.perform({ do: "pause", target: "nats", region: "us" });
    await client.perform({ do: "pause", target: "region", region: "ap" });
    await client.perform({ do: "kill", target: "region", region: "us" });
    const processes = cluster.regions.flatMap(({ pid, nats, postgres }) => [pid, nats.pid, postgres.pid]);
    const running = processes.filter((pid) => pid !== undefined);
    const all = [...running, ...running.flatMap((pid) => descendantsOf(pid).map((child) => child.pid))];
    await cluster.stop();
    expect(all.filter((pid) => identifyProcess(pid) !== undefined)).toEqual([]);
    expect(existsSync(join(data, "cluster.json"))).toBe(false);
    await expect(client.faults()).rejects.toThrow("does not answer");
  });
});
