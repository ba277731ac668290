/** The writes of the demo: counters that a region takes alone, and tickets that the log sells. What they must add up to is known. */
import { authorization } from "../../local/authorization.ts";
import { sumBounds, type Bounds } from "../../load/accounting.ts";
import type { LoadPlan, LoadRequest, StreamPlan } from "../../load/plan.ts";
import type { StreamRecord } from "../../load/record.ts";
import { CLASSES, type WriteClass } from "./recording.ts";

interface Target {
  readonly collection: string;
  readonly field: string;
  readonly schema: object;
  readonly keys: number;
}

/** Every region writes to the same records. */
export const TARGETS: Readonly<Record<WriteClass, Target>> = {
  local: {
    collection: "visits",
    field: "count",
    schema: { fields: { count: { class: "merge", kind: "counter" } } },
    keys: 200,
  },
  authoritative: {
    collection: "tickets",
    field: "sold",
    schema: { fields: { sold: { class: "authoritative", type: "integer", min: 0 } } },
    keys: 50,
  },
};

/** Longer than an election would make most authoritative writes hang on; refusing early is the gateway's part. */
const DEADLINE_MS = 5_000;
/** After the deadline: a region that is alive has answered by then. */
const TIMEOUT_MS = 8_000;

export interface TrafficOptions {
  readonly regions: readonly {
    readonly name: string;
    readonly url: string;
    readonly key?: string | undefined;
  }[];
  /** Per second and region. */
  readonly rates: Readonly<Record<WriteClass, number>>;
  /** Unlike that of any other run on the same cluster. */
  readonly run: string;
  readonly secondsMax: number;
}

export function trafficPlan({ regions, rates, run, secondsMax }: TrafficOptions): LoadPlan {
  const streams = regions.flatMap(({ name, url, key }) =>
    CLASSES.map((writeClass): StreamPlan => {
      const id = `${name}-${writeClass}`;
      return {
        name: id,
        region: name,
        class: writeClass,
        urls: [url],
        ratePerSecond: rates[writeClass],
        requests: requestsOf(writeClass),
        idempotencyPrefix: `${run}-${id}`,
        headers: { "forebay-deadline-ms": String(DEADLINE_MS), ...authorization(key) },
        timeoutMs: TIMEOUT_MS,
      };
    }),
  );
  return { streams, secondsMax };
}

/** One per key: the n-th request of a stream goes to the n-th key, round and round. */
function requestsOf(writeClass: WriteClass): LoadRequest[] {
  const { collection, field, keys } = TARGETS[writeClass];
  return Array.from({ length: keys }, (_, index) => ({
    method: "PATCH",
    path: `/v1/collections/${collection}/records/${keyOf(writeClass, index)}`,
    body: JSON.stringify({ inc: { [field]: 1 } }),
  }));
}

function keyOf(writeClass: WriteClass, number: number): string {
  const { collection, keys } = TARGETS[writeClass];
  return `${collection}-${number % keys}`;
}

/** What each record must hold, by class and key: what was acknowledged, and at most what is unknown on top. */
export function expectedSums(records: readonly StreamRecord[]): Record<WriteClass, Map<string, Bounds>> {
  const boundsOf = (writeClass: WriteClass) =>
    sumBounds(
      records.filter((record) => record.class === writeClass),
      (_, number) => ({ key: keyOf(writeClass, number), amount: 1 }),
    );
  return { local: boundsOf("local"), authoritative: boundsOf("authoritative") };
}
