/** The balancer of tests over restarts must not make up failures itself: a slow answer to its probe is no "not ready". */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { Balancer } from "../../integration/cluster/balancer.ts";

const LIMIT_MS = 20_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

/** One process behind a balancer, whose probes the test answers. */
async function balanced(answerProbe: (response: ServerResponse) => void) {
  const server = createServer(({ url }, response) => {
    if (url === "/readyz") answerProbe(response);
    else response.end("served");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  cleanups.push(stop);
  const balancer = await Balancer.open([`http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
  cleanups.push(() => balancer.close());
  return { balancer, stop, ask: async () => (await fetch(balancer.url)).status };
}

it("sends on to a process whose probe is not answered in time, and probes it once at a time", async () => {
  let underWay = 0;
  let underWayMost = 0;
  let givenUp = 0;
  const { ask } = await balanced((response) => {
    underWay += 1;
    underWayMost = Math.max(underWayMost, underWay);
    response.on("close", () => {
      underWay -= 1;
      givenUp += 1;
    });
  });
  await vi.waitFor(() => expect(givenUp).toBeGreaterThan(1), LIMIT_MS);
  expect(await ask()).toBe(200);
  // That one is given up may be seen here after the next has begun.
  expect(underWayMost).toBeLessThanOrEqual(2);
});

it("sends nothing to a process that says that it is not ready, or that is gone", async () => {
  let status = 503;
  const { balancer, stop, ask } = await balanced((response) => response.writeHead(status).end());
  await vi.waitFor(() => expect(balancer.readyUrls).toHaveLength(0), LIMIT_MS);
  expect(await ask()).toBe(502);
  status = 200;
  await vi.waitFor(() => expect(balancer.readyUrls).toHaveLength(1), LIMIT_MS);
  stop();
  await vi.waitFor(() => expect(balancer.readyUrls).toHaveLength(0), LIMIT_MS);
});
