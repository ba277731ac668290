/** Random requests get an answer of the 4xx kind, or of the 2xx kind where they happen to be right; never a 5xx. */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { RECORD } from "./requests.ts";
import { buildRig } from "./stub-gateway.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? 20_240_611);
const REQUESTS = 2_000;
const RAW_REQUESTS = 200;

/** Mulberry32: small, and the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Maker {
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }

  text(): string {
    const kinds = [
      "",
      "a",
      "users",
      "name",
      "__proto__",
      "constructor",
      "toString",
      "\0",
      "\u{1F600}",
      "\uD800",
    ];
    const noise = String.fromCharCode(...Array.from({ length: 8 }, () => Math.floor(this.random() * 0x250)));
    return this.pick([
      ...kinds,
      noise,
      "x".repeat(Math.floor(this.random() * 700)),
      "%2F%00%",
      "../..",
      "{}",
    ]);
  }

  value(depth = 0): unknown {
    const scalars = [null, true, 0, -1, 1.5, 1e308, 2 ** 60, this.text()];
    if (depth > 4 || this.random() < 0.4) return this.pick(scalars);
    const length = Math.floor(this.random() * 4);
    if (this.random() < 0.4) return Array.from({ length }, () => this.value(depth + 1));
    return Object.fromEntries(Array.from({ length }, () => [this.text(), this.value(depth + 1)]));
  }

  body(): string | Buffer {
    const operators = ["set", "unset", "inc", "add", "remove", "put", "drop", "raise", "lower", "if", "take"];
    const fields = ["name", "anything", "likes", "tags", "preferences", "best", this.text()];
    const shaped = { [this.pick(operators)]: { [this.pick(fields)]: this.value() } };
    const right = this.pick([
      { set: { anything: this.value() } },
      { inc: { likes: 1 } },
      { unset: ["name"] },
    ]);
    const json = JSON.stringify(
      this.pick<unknown>([right, shaped, shaped, this.value(), { fields: shaped }]),
    );
    const cut = Math.floor(this.random() * json.length);
    const bytes = Buffer.from(json);
    if (bytes.length > 0) bytes[cut % bytes.length] = Math.floor(this.random() * 256);
    return this.pick<string | Buffer>([
      json,
      json,
      json.slice(0, cut),
      `${json}${json}`,
      `\uFEFF${json}`,
      bytes,
      "",
    ]);
  }

  url(): string {
    const part = () =>
      this.pick([encodeURIComponent(this.safeText()), "users", "ada", "%", "%zz", "%c0%80", ".."]);
    const query = this.pick([
      "",
      "",
      `?${part()}=${part()}`,
      "?limit=1&limit=2",
      "?cursor=c1.!",
      "?prefix=%00",
      "?&&=",
    ]);
    const path = this.pick([
      "/v1/collections/users/records/ada",
      "/v1/collections/users/records/ada",
      `/v1/collections/users/records/${part()}`,
      `/v1/collections/${part()}/records`,
      `/v1/collections/${part()}`,
      `/v1/operations/${part()}`,
      `/${part()}/${part()}`,
    ]);
    return `${path}${query}`;
  }

  headers(): { [name: string]: string } {
    const names = [
      "idempotency-key",
      "forebay-session",
      "forebay-deadline-ms",
      "prefer",
      "if-match",
      "if-none-match",
    ];
    const values = [
      "",
      "1",
      "wait=committed",
      "s1.x.y",
      "*",
      '"',
      "é",
      "0x10",
      "99999999999999999999",
      " , ",
    ];
    const types = [
      "application/json",
      "application/json",
      "application/json; charset=x",
      "text/plain",
      "x",
      ";;",
    ];
    return {
      "content-type": this.pick(types),
      ...(this.random() < 0.5 ? { [this.pick(names)]: this.pick(values) } : {}),
    };
  }

  /** encodeURIComponent refuses half surrogate pairs. */
  safeText(): string {
    return this.text().toWellFormed();
  }
}

describe(`random requests, seed ${SEED}`, () => {
  it("never make the server fail", async () => {
    const rig = await buildRig();
    const maker = new Maker(SEED);
    const counts = new Map<number, number>();
    for (let index = 0; index < REQUESTS; index += 1) {
      const method = maker.pick(["PATCH", "PATCH", "PATCH", "PUT", "GET", "POST", "DELETE"] as const);
      // Some requests are right but for their bodies, so that those get as far as the core.
      const isRight = maker.random() < 0.4;
      const request = {
        method,
        url: isRight ? RECORD : maker.url(),
        headers: isRight ? { "content-type": "application/json" } : maker.headers(),
      };
      const payload = method === "GET" ? {} : { payload: maker.body() };
      const response = await rig.server.app.inject({ ...request, ...payload });
      const told = `request ${index}: ${JSON.stringify({ ...request, ...payload })} → ${response.body}`;
      expect(response.statusCode, told).toBeLessThan(500);
      if (response.statusCode >= 400) {
        expect(response.json().type, told).toMatch(/^urn:forebay:problem:[a-z-]+$/);
      }
      counts.set(response.statusCode, (counts.get(response.statusCode) ?? 0) + 1);
    }
    expect(rig.logged).toEqual([]);
    // Of each kind there are some, or the generator tests nothing.
    for (const status of [200, 202, 400, 404, 405, 415, 422]) {
      expect(counts.get(status) ?? 0, `status ${status}`).toBeGreaterThan(0);
    }
  });

  it("never make the server fail when they are not even HTTP", async () => {
    const rig = await buildRig();
    const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
    const maker = new Maker(SEED + 1);
    try {
      for (let index = 0; index < RAW_REQUESTS; index += 1) {
        const lines = [
          `${maker.pick(["PATCH", "GET", "", "BREW", "patch"])} ${maker.url()} HTTP/${maker.pick(["1.1", "1.0", "9", ""])}`,
          maker.pick(["Host: x", "", "Host x", ":", "Transfer-Encoding: chunked", "Content-Length: 5"]),
          `${maker.pick(["Content-Length", "X", "Expect"])}: ${maker.pick(["3", "-3", "abc", "100-continue"])}`,
        ];
        const status = await exchange(
          port,
          `${lines.join("\r\n")}\r\n\r\n${maker.pick(["", "{}", "zz\r\n", "abc"])}`,
        );
        expect(status, JSON.stringify(lines)).toBeLessThan(500);
      }
    } finally {
      await rig.server.close(100);
    }
    expect(rig.logged).toEqual([]);
  });
});

/** The status of the first answer; 0 for none. */
function exchange(port: number, text: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(text, "latin1"));
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (?!100)(\d+)/m.exec(received)?.[1] ?? 0)));
  });
}
