/** `forebay chaos`, against a real control channel over faults that only remember. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ControlServer } from "../../../infra/local/control/server.ts";
import type { ControlAddress } from "../../../infra/local/control/protocol.ts";
import { formatFaults } from "../../../services/cli/commands/chaos.ts";
import { CommandError, UsageError } from "../../../services/cli/errors.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { openFaultsBed, type FaultsBed } from "../infra/faults-bed.ts";

let bed: FaultsBed;
let server: ControlServer;
let folder: string;
let printed: string;

beforeEach(async () => {
  bed = await openFaultsBed();
  server = await ControlServer.open(() => bed.faults);
  folder = mkdtempSync(join(tmpdir(), "forebay-chaos-"));
  writeCluster(server.address);
  printed = "";
  const print = (text: string | Uint8Array) => {
    printed += text.toString();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(print);
  vi.spyOn(process.stderr, "write").mockImplementation(print);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await bed.close();
  rmSync(folder, { recursive: true });
});

function writeCluster(control: ControlAddress | undefined): void {
  const regions = [{ name: "eu", url: "http://127.0.0.1:1" }];
  writeFileSync(join(folder, "cluster.json"), JSON.stringify({ regions, control }));
}

async function run(...words: readonly string[]): Promise<string> {
  printed = "";
  await createProgram("0").parseAsync(["node", "forebay", "chaos", ...words, "--data", folder]);
  return printed;
}

describe("forebay chaos", () => {
  it("breaks links, shows what is broken, and mends it", async () => {
    expect(await run("cut", "eu", "us", "--one-way")).toBe("eu → us: cut\n");
    expect(await run("jitter", "us", "ap", "200")).toBe("us – ap: jitter ±200 ms\n");
    expect((await run("show")).split("\n")).toEqual([
      "what          how",
      "link eu → us  cut",
      "link us → ap  jitter ±200 ms",
      "link ap → us  jitter ±200 ms",
      "",
    ]);
    expect(await run("heal", "eu", "us")).toBe("healed eu – us\n");
    expect(bed.links.faulty).toHaveLength(2);
    expect(await run("heal")).toBe("healed everything\n");
    expect(await run("show")).toBe("nothing is broken\n");
  });

  it("breaks processes", async () => {
    expect(await run("pause", "postgres", "ap")).toBe("paused postgres ap\n");
    expect(await run("kill", "region", "eu")).toBe("killed region eu\n");
    expect((await run("show")).split("\n").slice(1)).toEqual([
      "postgres ap  paused",
      "region eu    stopped",
      "",
    ]);
    expect(await run("resume", "postgres", "ap")).toBe("resumed postgres ap\n");
    expect(await run("restart", "region", "eu")).toBe("restarted region eu\n");
  });

  it("mends what is to last for a time only", async () => {
    expect(await run("pause", "nats", "us", "--for", "20ms")).toBe(
      "paused nats us\nfor 0.0 s; Ctrl-C ends it now\nresumed nats us\n",
    );
    expect(bed.process("nats", "us").isPaused).toBe(false);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("mends it at once on %s", async (signal) => {
    const running = run("cut", "eu", "us", "--for", "10min");
    await vi.waitUntil(() => printed.includes("Ctrl-C"), { timeout: 20_000 });
    expect(bed.links.faulty).toHaveLength(2);
    process.emit(signal);
    expect(await running).toContain("eu – us: mended\n");
    expect(bed.links.faulty).toEqual([]);
  });

  it("tells what can't be done", async () => {
    await expect(run("resume", "nats", "us")).rejects.toThrow(CommandError);
    await expect(run("cut", "eu", "mars")).rejects.toThrow("there is no region mars; known are eu, us, ap");
    await expect(run("kill-leader")).rejects.toThrow("has no leader now");
  });

  it.each([
    [["cut", "eu"]],
    [["loss", "eu", "us", "130"]],
    [["pause", "mysql", "eu"]],
    [["flap-leader"]],
    [["heal", "eu"]],
    [["explode"]],
  ])("is not used like this: %o", async (words) => {
    await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
    expect(bed.links.faulty).toEqual([]);
    expect(bed.done).toEqual([]);
  });
});

describe("refuses to break", () => {
  const KILL = ["kill", "nats", "us"] as const;

  afterEach(() => expect(bed.done).toEqual([]));

  it("what is given by an address", async () => {
    const running = run(...KILL, "--url", "http://127.0.0.1:7101");
    await expect(running).rejects.toThrow(UsageError);
    await expect(running).rejects.toThrow("it takes --data, not --url");
  });

  it("a cluster without a control channel", async () => {
    writeCluster(undefined);
    await expect(run(...KILL)).rejects.toThrow(CommandError);
    await expect(run("show")).rejects.toThrow("has no control channel");
  });

  it("a cluster that says that it is elsewhere", async () => {
    writeCluster({ ...server.address, url: "http://192.0.2.1:80" });
    await expect(run(...KILL)).rejects.toThrow(CommandError);
    await expect(run(...KILL)).rejects.toThrow("http://192.0.2.1:80, which is not this machine");
  });

  it("a cluster whose key is another", async () => {
    writeCluster({ ...server.address, key: "wrong" });
    await expect(run(...KILL)).rejects.toThrow("key of the control channel is missing or wrong");
  });

  it("where none is running", async () => {
    await server.close();
    await expect(run(...KILL)).rejects.toThrow("does not answer");
    rmSync(join(folder, "cluster.json"));
    await expect(run(...KILL)).rejects.toThrow("no cluster is running");
  });
});

it("says of a flapping leader how it goes", () => {
  const flapping = { partition: 0, every_ms: 5_000, moves: 12, problem: "there is no leader now" };
  expect(formatFaults({ links: [], paused: [], stopped: [], flapping }).split("\n")[1]).toBe(
    "leader of 0  steps down every 5.0 s, 12 times so far; the last time: there is no leader now",
  );
});
