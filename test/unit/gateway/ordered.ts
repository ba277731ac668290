/** What the tests of the authoritative way in share: schemas, requests, and logs that misbehave as a test tells them to. */
import type { LeaseAction } from "../../../services/core/proposal.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { decodeEntry, encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type {
  LeaseRequest,
  LifeRequest,
  TransactionRequest,
  WriteRequest,
} from "../../../services/gateway/gateway.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import {
  LogUnavailableError,
  PublishTimeoutError,
  type GlobalLog,
} from "../../../services/ports/global-log.ts";
import {
  Bed,
  COLLECTION,
  CONTEXT,
  overriding,
  SCHEMA,
  write,
  type BedOptions,
  type RegionBed,
} from "./bed.ts";

/** Fields of all classes, so that one write can touch several. */
export const ORDERED: CollectionSchema = {
  fields: {
    ...SCHEMA.fields,
    status: {
      class: "authoritative",
      type: "string",
      initial: "pending",
      states: { pending: ["paid", "cancelled"], paid: ["shipped"] },
    },
    credit: { class: "authoritative", type: "integer", min: 0, max: 100 },
    code: { class: "authoritative", type: "string", immutable: true },
  },
};

/** Unique values need all records in one partition. */
export const UNIQUE: CollectionSchema = {
  fields: { ...ORDERED.fields, email: { class: "authoritative", type: "string", unique: true } },
  partitionBy: "collection",
};

export async function orderedBed(
  options: BedOptions & { readonly schema?: CollectionSchema } = {},
): Promise<Bed> {
  const bed = new Bed(options);
  await bed.startAll(options.schema ?? ORDERED);
  return bed;
}

export async function twoOrderedRegions(options: BedOptions & { readonly schema?: CollectionSchema } = {}) {
  const bed = await orderedBed({ regions: ["eu", "us"], ...options });
  return { bed, eu: bed.regions[0]!, us: bed.regions[1]! };
}

/** A write that the log decides on. */
export function pay(changes: Partial<WriteRequest> = {}): WriteRequest {
  return write({ body: { set: { status: "paid" } }, ...changes });
}

export function credit(by: number, changes: Partial<WriteRequest> = {}): WriteRequest {
  return write({ body: { inc: { credit: by } }, ...changes });
}

/** A delete or a restore. */
export function life(changes: Partial<LifeRequest> = {}): LifeRequest {
  return { ...CONTEXT, collection: COLLECTION, key: "ada", idempotencyKey: undefined, ...changes };
}

export function transaction(
  writes: readonly { readonly [member: string]: unknown }[],
  changes: Partial<TransactionRequest> & { readonly fence?: unknown } = {},
): TransactionRequest {
  const { fence, ...context } = changes;
  const named = writes.map((one) => ({ collection: COLLECTION, ...one }));
  const body = { writes: named, ...(fence !== undefined && { fence }) };
  return { ...CONTEXT, idempotencyKey: undefined, body, ...context };
}

export function lease(action: LeaseAction, changes: Partial<LeaseRequest> = {}): LeaseRequest {
  return { ...CONTEXT, idempotencyKey: undefined, name: "job", action, ...changes };
}

export const acquire = (holder: string, ttlMs = 5_000): LeaseAction => ({ type: "acquire", holder, ttlMs });

/** How a request ended, to be looked at after others have gone on. */
export async function ending<T>(promise: Promise<T>): Promise<T | GatewayError> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

/** A log whose publishes end as the test says: `refused` and `lost` certainly never land, `taken` lands and is not acknowledged. */
export type Fate = "passed" | "refused" | "lost" | "taken";

export class FatedLog {
  fate: Fate = "passed";
  /** Of publishes that pass, before they do. */
  delayMs = 0;
  readonly log: GlobalLog;
  /** What was lost, for the test to let it land after all. */
  readonly lost: { readonly partition: number; readonly data: Uint8Array }[] = [];
  published = 0;
  /** Proposals in what was published, other than barriers and probes. */
  proposals = 0;

  constructor({ options }: RegionBed) {
    const { clock, log } = options;
    this.log = overriding(log, {
      publish: async (request) => {
        this.published += 1;
        this.proposals += proposalsIn(request.data);
        const { fate, delayMs } = this;
        if (delayMs > 0) await clock.sleep(delayMs);
        if (fate === "passed") return log.publish(request);
        if (fate === "refused") throw new LogUnavailableError("no responders");
        if (fate === "lost") this.lost.push(request);
        else await log.publish(request);
        await clock.sleep(request.timeoutMs);
        throw new PublishTimeoutError("no acknowledgement in time");
      },
    });
  }
}

/** A gateway of the region of its own, with the log that the test controls. */
export function fated(region: RegionBed): { readonly gateway: GatewayService; readonly log: FatedLog } {
  const log = new FatedLog(region);
  return { gateway: region.anotherGateway({ log: log.log }), log };
}

/** How many proposals each entry of the partition's log holds, after a position; a barrier holds none. */
export function proposalsAfter(bed: Bed, position: number, partition = 0): number[] {
  const entries = bed.servers.messages(partition).slice(position);
  return entries
    .filter(({ data }) => decodeEntry(data).entry.kind === "propose")
    .map(({ data }) => proposalsIn(data));
}

function proposalsIn(data: Uint8Array): number {
  const { entry } = decodeEntry(data);
  return entry.kind === "propose" ? entry.proposals.length : 0;
}

/** Stops what folds and relays in the region, and waits until it has. */
export async function standStill(bed: Bed, region: RegionBed): Promise<void> {
  region.stopRoles();
  await bed.pass(3_500);
}

/** The last tick that the region has sent, with another version that its software reads. */
export function tickReading(bed: Bed, origin: string, reads: number): void {
  for (let partition = 0; partition < bed.partitions; partition += 1) {
    const ticks = bed.servers
      .messages(partition)
      .map(({ data }) => decodeEntry(data).entry)
      .filter((entry) => entry.kind === "tick");
    const last = ticks.findLast((tick) => tick.origin === origin)!;
    bed.servers.store(partition, encodeEntry({ ...last, reads }));
  }
}
