/** Admission as tests make it: with what it reported, and a clock that stands still. */
import type { RequestClass } from "../../../services/core/admission/door.ts";
import { Admission, Ticket } from "../../../services/gateway/admission/admission.ts";
import type { AdmissionMetrics } from "../../../services/gateway/admission/metrics.ts";
import { Refusals, type Refusal } from "../../../services/gateway/admission/refusals.ts";
import type { Clock, Random } from "../../../services/ports/clock.ts";

export const MEGABYTE = 1024 ** 2;

export interface AdmissionRig {
  readonly admission: Admission;
  readonly refusals: Refusals;
  readonly refused: Parameters<AdmissionMetrics["refused"]>[0][];
  readonly sampled: Parameters<AdmissionMetrics["sampled"]>[0][];
  /** The monotonic clock's. */
  nowMs: number;
}

export interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: AdmissionMetrics;
  readonly refusals: Refusals;
}

export function makeParts(rig: Pick<AdmissionRig, "refused" | "sampled" | "nowMs">): Parts {
  const clock: Clock = {
    nowMs: () => rig.nowMs,
    monotonicMs: () => rig.nowMs,
    turn: async () => undefined,
    after: () => () => undefined,
    sleep: async () => undefined,
  };
  const metrics = {
    refused: (refusal: (typeof rig.refused)[number]) => void rig.refused.push(refusal),
    sampled: (gauges: (typeof rig.sampled)[number]) => void rig.sampled.push(gauges),
  };
  const random = { uuid: () => "", fraction: () => 0.5 };
  return { clock, random, metrics, refusals: new Refusals(clock) };
}

/** @param options 1,000 requests are 400 that are worked on, 100 more if they are reads, and 500 that wait. */
export function makeAdmission(options: { requestsMax?: number; memoryBytesMax?: number } = {}): AdmissionRig {
  const rig = { refused: [], sampled: [], nowMs: 0 };
  const parts = makeParts(rig);
  const limits = { requestsMax: 1_000, memoryBytesMax: 100 * MEGABYTE, ...options };
  return Object.assign(rig, { admission: new Admission({ ...limits, ...parts }), refusals: parts.refusals });
}

/** Enters so many times. @throws {Error} when one of them is refused. */
export function enter(
  rig: AdmissionRig,
  count: number,
  who: RequestClass | { readonly kind: RequestClass; readonly tenant: string },
): Ticket[] {
  const { kind, tenant } = typeof who === "string" ? { kind: who, tenant: "acme" } : who;
  return Array.from({ length: count }, () => {
    const entered = rig.admission.enter(kind, tenant);
    if (!(entered instanceof Ticket)) throw new Error(`refused: ${entered.reason}`);
    return entered;
  });
}

/** Enters so many times, and waits for the log. @throws {Error} when one of them is refused. */
export function enterWaiting(rig: AdmissionRig, count: number, tenant = "acme"): Ticket[] {
  return Array.from({ length: count }, () => {
    const [ticket] = enter(rig, 1, { kind: "ordered", tenant });
    const refused = ticket!.waits();
    if (refused !== undefined) throw new Error(`refused: ${refused.reason}`);
    return ticket!;
  });
}

/** Why one more is refused; undefined when it is not. */
export function refusal(rig: AdmissionRig, kind: RequestClass, tenant = "acme"): Refusal | undefined {
  const entered = rig.admission.enter(kind, tenant);
  if (!(entered instanceof Ticket)) return entered;
  entered.leave();
  return undefined;
}

export function isRefusal(entered: Ticket | Refusal): entered is Refusal {
  return !(entered instanceof Ticket);
}
