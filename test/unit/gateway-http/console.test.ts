/** The console's files over HTTP: types, caching, encodings, and what is said where there are none. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { classOf } from "../../../services/gateway/http/door.ts";
import { ChaosUnavailableError, type Chaos } from "../../../services/ports/chaos.ts";
import { buildRig, type Rig } from "./rig.ts";

const HTML = "<!doctype html><title>x</title>";
const SCRIPT = "console.log(1);".repeat(50);

const folder = makeTemporaryFolder("console-files");
let rig: Rig;

beforeAll(async () => {
  mkdirSync(join(folder.path, "assets"));
  writeFileSync(join(folder.path, "index.html"), HTML);
  writeFileSync(join(folder.path, "stamp"), "not for anybody");
  writeFileSync(join(folder.path, "assets", "a-1.js"), SCRIPT);
  writeFileSync(join(folder.path, "assets", "a-1.js.gz"), gzipSync(SCRIPT));
  writeFileSync(join(folder.path, "assets", "a-1.js.br"), "brotli");
  rig = await buildRig({ consoleFolder: folder.path });
});

afterAll(() => folder.remove());

const get = (url: string, headers: Record<string, string> = {}) =>
  rig.server.app.inject({ method: "GET", url, headers });

describe("the console", () => {
  it.each(["/console", "/console/", "/console?x=1", "/console/index.html"])("begins at %s", async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe(HTML);
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    expect(answer.headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self'/);
    expect(answer.headers["content-security-policy"]).not.toContain("unsafe");
  });

  it("lets files with a hash in their names be kept for ever", async () => {
    const answer = await get("/console/assets/a-1.js");
    expect(answer.headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.body).toBe(SCRIPT);
  });

  it.each([
    ["gzip, deflate, br", "br"],
    ["gzip;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["identity", undefined],
  ])("answers Accept-Encoding: %s with %s", async (accepted, encoding) => {
    const answer = await get("/console/assets/a-1.js", { "accept-encoding": accepted });
    expect(answer.headers["content-encoding"]).toBe(encoding);
  });

  it("answers 304 to who has it", async () => {
    const { headers } = await get("/console");
    const answer = await get("/console", { "if-none-match": String(headers.etag) });
    expect([answer.statusCode, answer.body]).toEqual([304, ""]);
  });

  it.each([
    "/console/nothing.js",
    "/console/stamp",
    "/console/../package.json",
    "/console/%2e%2e%2fpackage.json",
  ])("has no %s", async (url) => {
    expect((await get(url)).statusCode).toBe(404);
  });

  it("says what to do where the page was not built", async () => {
    const bare = await buildRig({ consoleFolder: join(folder.path, "nowhere") });
    const answer = await bare.server.app.inject({ method: "GET", url: "/console" });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ detail: expect.stringContaining("npm run build") as string });
  });

  it.each(["/console", "/console/", "/console/assets/a-1.js", "/v1/chaos"])(
    "is not refused under overload: %s",
    (url) => {
      expect(classOf("GET", url)).toBe("vital");
    },
  );

  it("is told from what only begins like it", () => {
    expect(classOf("GET", "/consoles")).toBe("read");
    expect(classOf("POST", "/v1/chaos")).toBe("vital");
  });
});

describe("faults of a cluster on one machine", () => {
  const order = (target: Rig, payload: string, type = "application/json") =>
    target.server.app.inject({
      method: "POST",
      url: "/v1/chaos",
      payload,
      headers: { "content-type": type },
    });

  it("are ordered through the gateway, which hands on what the control channel says", async () => {
    const asked: string[] = [];
    const chaos: Chaos = {
      faults: async () => ({ status: 200, text: '{"links":[]}' }),
      perform: async (action) => {
        asked.push(action);
        return { status: 409, text: '{"error":"no such link"}' };
      },
    };
    const local = await buildRig({ chaos });
    expect((await local.server.app.inject({ url: "/v1/chaos" })).json()).toEqual({ links: [] });
    const answer = await order(local, '{"do": "heal"}');
    expect([answer.statusCode, answer.json()]).toEqual([409, { error: "no such link" }]);
    expect(asked).toEqual(['{"do":"heal"}']);
    expect((await order(local, '{"do":"heal"}', "text/plain")).statusCode).toBe(415);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["127.0.0.1:8080", 200],
    ["LOCALHOST", 200],
    ["[::1]:8080", 200],
    ["rebound.example:8080", 403],
    ["localhost.example", 403],
  ])("are ordered of this machine's own names alone: %s", async (host, status) => {
    const nothing = async () => ({ status: 200, text: "{}" });
    const local = await buildRig({ chaos: { faults: nothing, perform: nothing } });
    for (const method of ["GET", "POST"] as const) {
      const headers = { host, "content-type": "application/json" };
      const body = method === "POST" ? { payload: '{"do":"heal"}' } : {};
      const answer = await local.server.app.inject({ method, url: "/v1/chaos", headers, ...body });
      expect(answer.statusCode).toBe(status);
    }
  });

  it("say so where the channel does not answer", async () => {
    const fail = async () => {
      throw new ChaosUnavailableError("nobody there");
    };
    const local = await buildRig({ chaos: { faults: fail, perform: fail } });
    const answer = await order(local, '{"do":"heal"}');
    expect([answer.statusCode, answer.json()]).toEqual([504, { error: "nobody there" }]);
  });

  it("can't be ordered anywhere else", async () => {
    expect((await order(rig, '{"do":"heal"}')).statusCode).toBe(404);
    expect((await get("/v1/chaos")).statusCode).toBe(404);
    expect((await get("/openapi.json")).body).not.toContain("/v1/chaos");
  });
});
