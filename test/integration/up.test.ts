/** `forebay up` as a user runs it: ready, found, refused twice, stopped without a trace, and going on where it was. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { eventually } from "./cluster/bed.ts";

const MAIN = join(packageRoot(), "dist/services/cli/main.js");
const folder = makeTemporaryFolder("up");

interface Up {
  readonly process: ChildProcess;
  output(): string;
}

interface ClusterFile {
  readonly key: string;
  readonly regions: readonly {
    readonly name: string;
    readonly url: string;
    readonly pid: number;
    readonly postgres: { readonly url: string };
    readonly nats: { readonly url: string; readonly pid: number };
  }[];
}

function up(...options: string[]): Up {
  const child = spawn(
    process.execPath,
    [MAIN, "up", "--data", folder.path, "--port-base", "0", "--latency", "off", ...options],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { process: child, output: () => output };
}

function clusterFile(): ClusterFile {
  return JSON.parse(readFileSync(join(folder.path, "cluster.json"), "utf8")) as ClusterFile;
}

async function ready(started: Up): Promise<ClusterFile> {
  await eventually("forebay: ready", () => {
    if (started.process.exitCode !== null) throw new Error(started.output());
    return /^forebay: ready$/m.test(started.output()) ? true : undefined;
  });
  return clusterFile();
}

async function stop(started: Up): Promise<number | null> {
  if (started.process.exitCode !== null) return started.process.exitCode;
  started.process.kill("SIGTERM");
  const [code] = (await once(started.process, "exit")) as [number | null];
  return code;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("forebay up", () => {
  let first: Up;
  let cluster: ClusterFile;

  beforeAll(async () => {
    first = up();
    cluster = await ready(first);
  });

  afterAll(async () => {
    await stop(first);
    folder.remove();
  });

  it("says where everything is", async () => {
    expect(cluster.regions.map((region) => region.name)).toEqual(["eu", "us", "ap"]);
    for (const { url, pid, nats, postgres } of cluster.regions) {
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      expect(first.output()).toContain(url);
      expect(isAlive(pid) && isAlive(nats.pid)).toBe(true);
      expect(postgres.url).toMatch(/^postgres/);
    }
  });

  it("makes a development key once, says it, and lets nobody in without it", async () => {
    const { url } = cluster.regions[0]!;
    expect(cluster.key).toMatch(/^fb_development_[A-Za-z0-9_-]{43}$/);
    expect(first.output()).toContain(`development key ${cluster.key}`);
    expect(first.output()).toContain(`/console#key=${cluster.key}`);
    expect((await fetch(`${url}/v1/status`)).status).toBe(401);
    const headers = { authorization: `Bearer ${cluster.key}` };
    expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(200);
  });

  it("says that it is running when it is started again on the same data", async () => {
    const second = up();
    const [code] = (await once(second.process, "exit")) as [number];
    expect(code).toBe(1);
    expect(second.output()).toContain(String(first.process.pid));
  });

  it("stops all that it started, and goes on from there when it starts again", async () => {
    const { url } = cluster.regions[0]!;
    const authorization = `Bearer ${cluster.key}`;
    const json = { authorization, "content-type": "application/json" };
    const schema = JSON.stringify({ fields: { name: { class: "lww" } } });
    expect(
      (await fetch(`${url}/v1/collections/kept`, { method: "PUT", headers: json, body: schema })).status,
    ).toBe(200);
    const write = JSON.stringify({ set: { name: "Ada" } });
    const path = "/v1/collections/kept/records/one";
    expect((await fetch(`${url}${path}`, { method: "PATCH", headers: json, body: write })).status).toBe(202);
    expect(await stop(first)).toBe(0);
    for (const { pid, nats } of cluster.regions) expect(isAlive(pid) || isAlive(nats.pid)).toBe(false);
    expect(existsSync(join(folder.path, "cluster.json"))).toBe(false);
    const again = up();
    const { regions, key } = await ready(again);
    expect(key).toBe(cluster.key);
    try {
      for (const region of regions) {
        const read = await eventually(`${region.name} has the record`, async () => {
          const response = await fetch(`${region.url}${path}`, { headers: { authorization } });
          return response.status === 200 ? ((await response.json()) as { fields: unknown }) : undefined;
        });
        expect(read.fields).toEqual({ name: "Ada" });
      }
    } finally {
      expect(await stop(again)).toBe(0);
    }
  });
});
