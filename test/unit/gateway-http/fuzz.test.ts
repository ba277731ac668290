/**
 * Random requests get an answer of the 4xx kind, or of the 2xx kind where they happen to be right; never a 5xx. And of
 * every answer the route's document tells.
 */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { Maker } from "./random-requests.ts";
import { get } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { diverged, EDITED, TORN, VERIFICATION } from "./stub-reconciliation.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? 20_240_611);
const REQUESTS = 4_000;
const RAW_REQUESTS = 200;

describe(`random requests, seed ${SEED}`, () => {
  it("never make the server fail, and get what its document tells", async () => {
    const rig = await buildRig();
    const isDocumented = await documentOf(rig);
    rig.gateway.reconciliation!.known.set(VERIFICATION, diverged([EDITED, TORN]));
    rig.gateway.reconciliation!.outcome = () => diverged([EDITED, TORN]);
    const maker = new Maker(SEED);
    const counts = new Map<number, number>();
    for (let index = 0; index < REQUESTS; index += 1) {
      const request = maker.request();
      rig.answered.length = 0;
      const response = await rig.server.app.inject(request);
      const told = `request ${index}: ${JSON.stringify(request)} → ${response.body}`;
      expect(response.statusCode, told).toBeLessThan(500);
      if (response.statusCode >= 400) {
        expect(response.json().type, told).toMatch(/^urn:forebay:problem:[a-z-]+$/);
      }
      expect(isDocumented(response), told).toBe(true);
      counts.set(response.statusCode, (counts.get(response.statusCode) ?? 0) + 1);
    }
    expect(rig.logged).toEqual([]);
    // Of each kind there are some, or the generator tests nothing.
    for (const status of [200, 202, 400, 404, 405, 412, 415, 422]) {
      expect(counts.get(status) ?? 0, `status ${status}`).toBeGreaterThan(0);
    }
    const { writes, removals, restorals, transactions, leases, operations } = rig.gateway;
    const { conflictLists, conflictRestorals, reclaims, escrowReads } = rig.gateway;
    const { repairLists, reconciliation } = rig.gateway;
    const { verified, repairs } = reconciliation!;
    const reached = { repairLists, verified, repairs, writes, removals, restorals, transactions, leases, operations, conflictLists, conflictRestorals, reclaims, escrowReads }; // prettier-ignore
    for (const [name, requests] of Object.entries(reached)) {
      expect(requests.length, name).toBeGreaterThan(0);
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

interface Answer {
  readonly statusCode: number;
  readonly body: string;
}

/** Whether the document of the route that has answered last has the answer's status, and of a problem the code. */
async function documentOf(rig: Rig): Promise<(answer: Answer) => boolean> {
  type Responses = { readonly [status: string]: { readonly description: string } };
  const { paths } = (await get(rig, "/openapi.json")).json() as {
    paths: { [path: string]: { [method: string]: { responses: Responses } } };
  };
  return ({ statusCode, body }) => {
    const answered = rig.answered.at(-1);
    // What never came to a route is none that a route could tell of.
    if (answered === undefined || answered.route === "unknown") return true;
    const path = answered.route.replaceAll(/:(\w+)/g, "{$1}");
    const told = paths[path]?.[answered.method.toLowerCase()]?.responses[statusCode]?.description;
    const code = /"urn:forebay:problem:([a-z-]+)"/.exec(body)?.[1];
    return told !== undefined && (statusCode < 400 || code === undefined || told.includes(`\`${code}\``));
  };
}

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
