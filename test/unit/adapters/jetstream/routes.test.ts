import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { durationMs, MonitoredRoutes, roundTripsOf } from "../../../../services/adapters/jetstream/routes.ts";
import { silentLogger } from "../../../../services/runtime/logger.ts";

describe("a duration of the server", () => {
  it.each([
    ["85.2ms", 85.2],
    ["1.5s", 1_500],
    ["1m2.5s", 62_500],
    ["312µs", 0.312],
    ["312us", 0.312],
    ["940ns", 0.00094],
    ["0s", 0],
  ])("%s", (text, expectedMs) => {
    expect(durationMs(text)).toBeCloseTo(expectedMs, 9);
  });

  it.each(["", "85", "ms", "-5ms", "5 ms", "5ms!", "Infinity"])("is not %o", (text) => {
    expect(durationMs(text)).toBeUndefined();
  });
});

describe("round trips of a server's routes", () => {
  it("are the quickest to each server, of those that it has measured", () => {
    const routes = [
      { remote_name: "us", rtt: "86.1ms" },
      { remote_name: "us", rtt: "0s" },
      { remote_name: "us", rtt: "84.9ms" },
      { remote_name: "ap", rtt: "0s" },
    ];
    expect(roundTripsOf({ routes })).toEqual({ us: 84.9 });
  });

  it.each([
    undefined,
    null,
    1,
    {},
    { routes: {} },
    { routes: [null, 1, {}, { remote_name: 1, rtt: "1ms" }] },
  ])("are none in %j", (document) => {
    expect(roundTripsOf(document)).toEqual({});
  });
});

describe("the meter of routes", () => {
  const servers: { close(): void }[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const answering = async (status: number, body: string): Promise<MonitoredRoutes> => {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return new MonitoredRoutes({ monitorUrl: `http://127.0.0.1:${port}`, logger: silentLogger });
  };

  it("asks the monitoring", async () => {
    const meter = await answering(200, '{"routes":[{"remote_name":"us","rtt":"84.9ms"}]}');
    expect(await meter.measure()).toEqual({ us: 84.9 });
  });

  it("knows nothing where there is no monitoring, or no answer that makes sense", async () => {
    const none = new MonitoredRoutes({ monitorUrl: undefined, logger: silentLogger });
    const away = new MonitoredRoutes({ monitorUrl: "http://127.0.0.1:1", logger: silentLogger });
    const meters = [none, away, await answering(500, "{}"), await answering(200, "<html>")];
    for (const meter of meters) expect(await meter.measure()).toEqual({});
  });
});
