/** Random requests: some wild, some right but for a detail. The same seed makes the same ones. */
import type { InjectOptions } from "fastify";
import { RECORD } from "./requests.ts";
import { CONFLICT, OPERATION } from "./stub-gateway.ts";
import { VERIFICATION } from "./stub-reconciliation.ts";

const REPAIR_URL = `/v1/verifications/${VERIFICATION}/repair`;

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

export class Maker {
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

  shaped(): object {
    const operators = ["set", "unset", "inc", "add", "remove", "put", "drop", "raise", "lower", "if", "give", "take", "move"]; // prettier-ignore
    const fields = [
      "name",
      "anything",
      "likes",
      "tags",
      "preferences",
      "best",
      "credit",
      "stock",
      this.text(),
    ];
    const conditions = {
      if: this.pick<unknown>([{ version: this.pick(["17", null, "*", "1.eu.2", 17]) }, this.value()]),
      fence: this.pick<unknown>([{ lease: "a", token: "1" }, this.value()]),
      authoritative: this.pick([true, false, null]),
    };
    const condition = this.pick(["if", "fence", "authoritative"] as const);
    return {
      [this.pick(operators)]: { [this.pick(fields)]: this.value() },
      ...(this.random() < 0.3 && { [condition]: conditions[condition] }),
    };
  }

  right(): object {
    const versions = ["17", "*", null, "1.eu.2"];
    return this.pick([
      { set: { anything: this.value() } },
      { inc: { likes: 1 } },
      { take: { stock: 3 } },
      { give: { stock: 3 }, authoritative: this.pick([true, false]) },
      { inc: { credit: 1 }, if: { version: this.pick(versions) } },
      { unset: ["name"] },
    ]);
  }

  lease(): object {
    return {
      [this.pick(["holder", "holder", "token"])]: this.pick<unknown>(["17", "worker", this.value()]),
      ttl_ms: this.pick<unknown>([1_000, 30_000, this.value()]),
      ...(this.random() < 0.2 && { [this.text()]: this.value() }),
    };
  }

  reclaim(): unknown {
    const region = this.pick<unknown>(["ap", "ap", "us", this.value()]);
    return this.pick<unknown>([{ region }, { region }, { region, [this.text()]: 1 }, this.value()]);
  }

  transaction(): object {
    const names = {
      collection: this.pick(["users", this.text()]),
      key: this.pick(["ada", "bob", this.text()]),
    };
    const life = this.pick([{ delete: true }, { restore: true }, this.right(), this.shaped()]);
    const right = { collection: "users", key: "eve", ...this.right() };
    const writes = this.pick<unknown>([
      [right],
      [right, { ...names, ...life }],
      [{ ...names }],
      this.value(),
    ]);
    return { writes, ...(this.random() < 0.2 && { fence: this.value() }) };
  }

  write(): unknown {
    return this.pick<unknown>([this.right(), this.shaped(), this.shaped(), this.value()]);
  }

  /** The value as text, most often whole. */
  body(value: unknown): string | Buffer {
    const json = JSON.stringify(value);
    const cut = Math.floor(this.random() * json.length);
    const bytes = Buffer.from(json);
    if (bytes.length > 0) bytes[cut % bytes.length] = Math.floor(this.random() * 256);
    return this.pick<string | Buffer>([
      json,
      json,
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
      "?token=17",
      `?consistency=${this.pick(["bounded", "linearizable", "session"])}`,
      `?consistency=bounded&max_staleness_ms=${this.pick(["0", "1e3", "86400001"])}`,
      `?expires_at_ms=${this.pick(["17", "", "-1"])}`,
      `?collection=${part()}&key=${part()}`,
      `?${this.pick(["field", "region", "reason"])}=${part()}`,
    ]);
    const path = this.pick([
      "/v1/collections/users/records/ada",
      "/v1/collections/users/records/ada",
      `/v1/collections/users/records/${part()}`,
      `/v1/collections/users/records/${part()}/restore`,
      `/v1/collections/users/records/${part()}/escrows`,
      `/v1/collections/users/records/${part()}/reclaim`,
      `/v1/collections/${part()}/records`,
      `/v1/collections/${part()}`,
      `/v1/operations/${this.pick([part(), OPERATION])}`,
      "/v1/transactions",
      `/v1/leases/${this.pick([part(), "job-7"])}`,
      "/v1/conflicts",
      `/v1/conflicts/${this.pick([part(), CONFLICT])}/restore`,
      `/v1/${this.pick(["verify", "verifications", "repairs"])}`,
      `/v1/verifications/${this.pick([part(), VERIFICATION])}${this.pick(["", "/repair"])}`,
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
      '"17"',
      'W/"17"',
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

  /** Some requests are right but for their bodies, so that those get as far as the core. */
  request(): InjectOptions {
    if (this.random() < 0.5) return this.nearlyRight();
    const method = this.pick(["PATCH", "PATCH", "PATCH", "PUT", "GET", "POST", "DELETE"] as const);
    const request = { method, url: this.url(), headers: this.headers() };
    if (method === "GET") return request;
    const value = this.pick([this.write(), this.lease(), this.transaction()]);
    return { ...request, payload: this.body(value) };
  }

  nearlyRight(): InjectOptions {
    const headers = { "content-type": "application/json" };
    const kinds: readonly (() => InjectOptions)[] = [
      () => ({ method: "GET", url: this.pick(["/v1/leases/job-7", `/v1/operations/${OPERATION}`]) }),
      () => ({ method: "PATCH", url: RECORD, headers, payload: this.body(this.write()) }),
      () => ({ method: "PATCH", url: RECORD, headers, payload: this.body(this.right()) }),
      () => ({ method: "POST", url: "/v1/transactions", headers, payload: this.body(this.transaction()) }),
      () => ({ method: "POST", url: "/v1/leases/job-7", headers, payload: this.body(this.lease()) }),
      () => ({ method: "DELETE", url: `/v1/leases/job-7?token=${this.pick(["17", "0", "x"])}` }),
      () => ({ method: "DELETE", url: RECORD, headers, payload: this.body(this.pick([{}, this.value()])) }),
      () => ({ method: "POST", url: `${RECORD}/restore`, headers: this.headers() }),
      () => ({ method: "POST", url: `${RECORD}/reclaim`, headers, payload: this.body(this.reclaim()) }),
      () => ({ method: "GET", url: `${RECORD}/escrows`, headers: this.headers() }),
      () => ({ method: "GET", url: `/v1/conflicts?reason=${this.pick(["kind", "none"])}` }),
      () => ({ method: "POST", url: `/v1/conflicts/${CONFLICT}/restore`, headers: this.headers() }),
      () => ({
        method: "POST",
        url: "/v1/verify",
        headers,
        payload: this.body({ partition: this.pick([0, 9]) }),
      }),
      () => ({ method: "POST", url: REPAIR_URL, headers, payload: this.body(this.repair()) }),
      () => ({ method: "GET", url: `/v1/repairs?collection=users&key=${this.pick(["ada", ""])}` }),
    ];
    return this.pick(kinds)();
  }

  repair(): object {
    const reason = this.pick(["edited by hand", "", this.text(), "x".repeat(201), 1]);
    return {
      reason,
      preferred: this.pick(["eu", "mars", undefined, 7]),
      dry_run: this.pick([true, false, "no"]),
    };
  }

  /** encodeURIComponent refuses half surrogate pairs. */
  safeText(): string {
    return this.text().toWellFormed();
  }
}
