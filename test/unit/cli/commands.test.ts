/** The commands against the real HTTP transport over a stub gateway. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readSchemas } from "../../../services/cli/commands/schema.ts";
import { watchRecord } from "../../../services/cli/commands/watch.ts";
import { recordPath } from "../../../services/cli/http.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { buildRig, type Rig } from "../gateway-http/rig.ts";
import { CONFLICT, OPERATION } from "../gateway-http/stub-gateway.ts";

let rig: Rig;
let folder: string;
let url: string;
let printed: string;

beforeAll(async () => {
  rig = await buildRig();
  url = `http://127.0.0.1:${await rig.server.listen({ host: "127.0.0.1", port: 0 })}`;
  folder = mkdtempSync(join(tmpdir(), "forebay-cli-"));
  const others = { pid: 1, postgres: { url: "" }, nats: { url: "", pid: 2 } };
  const regions = [
    { name: "eu", url, ...others },
    { name: "us", url: `http://127.0.0.1:${await closedPort()}`, ...others },
  ];
  writeFileSync(join(folder, "cluster.json"), JSON.stringify({ regions }));
});

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

afterAll(async () => {
  await rig.server.close(100);
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  printed = "";
  const print = (text: string | Uint8Array) => {
    printed += text.toString();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(print);
  vi.spyOn(process.stderr, "write").mockImplementation(print);
});

afterEach(() => vi.restoreAllMocks());

async function run(...words: readonly string[]): Promise<string> {
  await createProgram("0").parseAsync(["node", "forebay", ...words, "--data", folder]);
  return printed;
}

describe("forebay", () => {
  it("get prints a record", async () => {
    const record = JSON.parse(await run("get", "users", "ada/lovelace"));
    expect(record).toMatchObject({ key: "ada/lovelace", fields: { name: "Ada" }, as_of: { sequence: 12 } });
    expect(record).not.toHaveProperty("session");
  });

  it("put writes, and prints the receipt", async () => {
    rig.gateway.writes.length = 0;
    const options = ["--set", "name=Ada", "--inc", "likes=-2", "--idempotency-key", "k", "--wait"];
    expect(await run("put", "users", "ada", ...options)).toBe(`accepted ${OPERATION} by eu\n`);
    expect(rig.gateway.writes).toMatchObject([
      {
        key: "ada",
        body: { set: { name: "Ada" }, inc: { likes: -2 } },
        idempotencyKey: "k",
        waitCommitted: true,
      },
    ]);
  });

  it("status shows the regions that answer, and those that don't", async () => {
    const text = await run("status");
    expect(text).toMatch(/0 {2}eu {6}\* term 2/);
    expect(text).toMatch(/0 {2}us {6}unreachable/);
    expect(text).toMatch(/region us at http:.* does not answer: ECONNREFUSED/);
  });

  it("schema apply sets every schema of a file", async () => {
    const file = join(folder, "schemas.yaml");
    writeFileSync(file, "orders:\n  fields: { total: { class: merge, kind: counter } }\n");
    expect(await run("schema", "apply", file)).toBe("collection orders: version 1\n");
  });

  it("list prints records one a line, page after page, as asked for", async () => {
    rig.gateway.lists.length = 0;
    rig.gateway.views = ["ada", "alan"].map((key) => ({ key, fields: {}, version: "1", pending: 0 }));
    const lines = (await run("list", "users", "--prefix", "a", "--limit", "2")).trim().split("\n");
    rig.gateway.views = [];
    expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(["ada", "alan"]);
    expect(rig.gateway.lists).toMatchObject([{ prefix: "a", limit: 2 }]);
    await expect(run("list", "users", "--where", "name:eq:Ada")).rejects.toThrow("(not-indexed)");
    await expect(run("list", "users", "--limit", "no")).rejects.toThrow("a whole number from 1");
  });

  it("schema drizzle prints the views of collections", async () => {
    const text = await run("schema", "drizzle", "users", "--tenant", "acme");
    expect(text).toContain('pgSchema("forebay_acme")');
    expect(text).toContain('export const users = tenant.view("users", {');
    printed = "";
    await expect(run("schema", "drizzle", "nothing")).rejects.toThrow(
      'there is no collection "nothing"; there are users',
    );
  });

  it("sql asks for the database's address where there is none", async () => {
    await expect(run("sql", "readers", "--url", "http://127.0.0.1:1")).rejects.toThrow("--postgres");
    await expect(run("sql", "grant", "x", "--postgres", "nowhere")).rejects.toThrow("is no URL");
  });

  it("says in one line what the region has refused", async () => {
    await expect(run("get", "users", "nobody")).rejects.toThrow("no such record (record-not-found)");
    await expect(run("put", "users", "ada", "--set", "name=1")).rejects.toThrow("(wrong-type)");
  });

  it("says where it looked when it can't find a region", async () => {
    await expect(run("get", "users", "ada", "--region", "mars")).rejects.toThrow(
      'there is no region "mars"; the cluster has eu, us',
    );
    await expect(run("get", "users", "ada", "--region", "us")).rejects.toThrow("ECONNREFUSED");
    await expect(
      createProgram("0").parseAsync(["node", "forebay", "status", "--data", "/nowhere"]),
    ).rejects.toThrow("no cluster is running on /nowhere");
  });

  it("takes the address of a region instead of a data folder", async () => {
    const words = ["node", "forebay", "get", "users", "ada", "--url", `${url}/`, "--data", "/nowhere"];
    await createProgram("0").parseAsync(words);
    expect(JSON.parse(printed)).toMatchObject({ key: "ada" });
  });

  it.each([[["put", "users"]], [["get", "users", "ada", "--colour", "red"]], [["paint"]]])(
    "refuses to be used like this: %o",
    async (words) => {
      await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
    },
  );

  it("refuses keys that no URL can name", () => {
    expect(() => recordPath("users", "..")).toThrow("can't stand in a URL");
    expect(recordPath("users", "a/b?c")).toBe("/v1/collections/users/records/a%2Fb%3Fc");
  });
});

describe("conflicts", () => {
  const loser = { region: "eu", at: "0198f0c0a0b00001", value: null, operator: "drop" } as const;
  const winner = { region: "us", at: "0198f0c0a0b00002", value: "x".repeat(50) };
  const conflict = {
    id: CONFLICT,
    collection: "users",
    key: "ada",
    field: "preferences",
    entry: "sms",
    reason: "concurrent",
    position: { partition: 0, sequence: 12 },
    logTimeMs: 1_720_000_000_000,
    loser,
    winner,
  } as const;
  const next = { logTimeMs: 1, partition: 0, position: 12, ordinal: 1 };

  it("lists them as a table, and says how to go on", async () => {
    rig.gateway.conflictPage = { conflicts: [conflict], next };
    const [heading, row, more] = (await run("conflicts")).trimEnd().split("\n");
    expect(heading).toMatch(/^id +when +record +field +reason +lost +stands$/);
    expect(row).toBe(
      `0-12-1  2024-07-03T09:46:40.000Z  users/ada  preferences.sms  concurrent  eu: drop null  us: "${"x".repeat(38)}…`,
    );
    expect(more).toMatch(/^there are more: --cursor x1\.\w+$/);
    rig.gateway.conflictPage = { conflicts: [], next: undefined };
    printed = "";
    expect(await run("conflicts", "list")).toBe("no conflicts\n");
  });

  it("lists those that are asked for, as the region answers when it is told to", async () => {
    rig.gateway.conflictLists.length = 0;
    rig.gateway.conflictPage = { conflicts: [conflict], next: undefined };
    const options = ["--collection", "users", "--key", "a&b", "--field", "name", "--reason", "kind"];
    const text = await run("conflicts", ...options, "--loser", "us", "--limit", "3", "--json");
    expect(JSON.parse(text)).toMatchObject({ conflicts: [{ id: CONFLICT, winner }] });
    expect(rig.gateway.conflictLists).toMatchObject([
      { collection: "users", key: "a&b", field: "name", reason: "kind", region: "us", limit: 3 },
    ]);
  });

  it("restore writes a loser again, and prints the receipt", async () => {
    rig.gateway.conflictRestorals.length = 0;
    const words = ["conflicts", "restore", CONFLICT, "--region", "eu", "--idempotency-key", "k", "--wait"];
    expect(await run(...words)).toBe(`accepted ${OPERATION} by eu\n`);
    expect(rig.gateway.conflictRestorals).toMatchObject([
      { id: CONFLICT, idempotencyKey: "k", waitCommitted: true },
    ]);
    await expect(run("conflicts", "restore", "../x")).rejects.toThrow(
      "no conflict ../x (conflict-not-found)",
    );
    await expect(run("conflicts", "restore", CONFLICT, "--region", "us")).rejects.toThrow("ECONNREFUSED");
  });

  it.each([
    [["conflicts", "restore"]],
    [["conflicts", "--region", "eu", "restore", CONFLICT]],
    [["conflicts", "0-12-1"]],
    [["conflicts", "restore", CONFLICT, "--collection", "users"]],
  ])("refuse to be used like this: %o", async (words) => {
    rig.gateway.conflictRestorals.length = 0;
    await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
    expect(rig.gateway.conflictRestorals).toEqual([]);
  });
});

describe("watch", () => {
  it("prints a record when its view changes, and trouble once", async () => {
    const lines: string[] = [];
    const warnings: string[] = [];
    const stop = new AbortController();
    const watching = watchRecord({
      region: { name: "eu", url },
      path: recordPath("users", "ada"),
      intervalMs: 5,
      print: (text) => void lines.push(text),
      warn: (text) => void warnings.push(text),
      stop: stop.signal,
    });
    await expect.poll(() => lines.length).toBe(1);
    const reads = rig.gateway.reads.length;
    await expect.poll(() => rig.gateway.reads.length).toBeGreaterThan(reads + 3);
    expect(lines).toHaveLength(1);
    rig.gateway.failure = new TypeError("a bug");
    await expect.poll(() => warnings.length).toBe(1);
    rig.gateway.failure = undefined;
    await expect.poll(() => lines.length).toBe(2);
    stop.abort();
    await watching;
    expect(warnings).toHaveLength(1);
  });
});

describe("a file of schemas", () => {
  it("is YAML or JSON, of one collection or of several", () => {
    const one = { fields: { a: { class: "lww" } } };
    expect(readSchemas("collection: users\nfields: { a: { class: lww } }", "f")).toEqual([
      { name: "users", schema: one },
    ]);
    expect(readSchemas(JSON.stringify({ users: one, orders: one }), "f")).toEqual([
      { name: "users", schema: one },
      { name: "orders", schema: one },
    ]);
  });

  it.each(["- a", "just text", "a: [", ""])("is refused when it is %o", (text) => {
    expect(() => readSchemas(text, "schemas.yaml")).toThrow("schemas.yaml");
  });
});
