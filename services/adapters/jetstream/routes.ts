/** Round trips to the other regions' servers, from the monitoring of the region's own. */
import type { RouteMeter } from "../../ports/route-meter.ts";
import type { Logger } from "../../runtime/logger.ts";
import { describeError } from "../nats/errors.ts";
import { fetchMonitor } from "./monitor.ts";

const MS_BY_UNIT: { readonly [unit: string]: number } = {
  ns: 1e-6,
  µs: 1e-3,
  us: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ns|µs|us|ms|s|m|h)/g;

/** Without an address of the monitoring nothing is known. */
export class MonitoredRoutes implements RouteMeter {
  readonly #options: { readonly monitorUrl: string | undefined; readonly logger: Logger };

  constructor(options: { monitorUrl: string | undefined; logger: Logger }) {
    this.#options = options;
  }

  async measure(): Promise<{ readonly [region: string]: number }> {
    const { monitorUrl, logger } = this.#options;
    if (monitorUrl === undefined) return {};
    try {
      return roundTripsOf(await fetchMonitor(new URL("/routez", monitorUrl)));
    } catch (error) {
      logger.debug({ error: describeError(error) }, "round trips can't be read");
      return {};
    }
  }
}

/** `{"routes":[{"remote_name":"us","rtt":"85.2ms"},…]}`: several to each server, of which the quickest counts. */
export function roundTripsOf(document: unknown): { readonly [region: string]: number } {
  const found = new Map<string, number>();
  const { routes } = (document ?? {}) as { routes?: unknown };
  for (const route of Array.isArray(routes) ? (routes as unknown[]) : []) {
    const { remote_name: region, rtt } = (route ?? {}) as { remote_name?: unknown; rtt?: unknown };
    const roundTripMs = typeof rtt === "string" ? durationMs(rtt) : undefined;
    // Zero is what the server calls a route that it has not measured yet.
    if (typeof region !== "string" || roundTripMs === undefined || roundTripMs === 0) continue;
    found.set(region, Math.min(found.get(region) ?? Infinity, roundTripMs));
  }
  return Object.fromEntries(found);
}

/** A duration as Go prints it, such as `1m2.5s` or `85.2ms`. */
export function durationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) totalMs += Number(amount) * MS_BY_UNIT[unit!]!;
  return totalMs;
}
