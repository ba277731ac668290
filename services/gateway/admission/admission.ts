/**
 * Admission to a process: counts its requests in flight, by tenant, and refuses before they are too many.
 *
 * A request enters, to be worked on → it may turn out to wait for the log → it leaves. Every so often the process says how it feels, and
 * the limit follows (`core/admission/limit.ts`).
 */
import {
  placesMax,
  refusalAtDoor,
  refusalToWait,
  type DoorGauges,
  type InFlight,
  type RequestClass,
} from "../../core/admission/door.ts";
import { nextLimit, type LimitBounds } from "../../core/admission/limit.ts";
import { retryAfterMs, type RefusalReason } from "../../core/admission/reason.ts";
import type { Random } from "../../ports/clock.ts";
import type { AdmissionMetrics } from "./metrics.ts";
import type { Refusal, Refusals } from "./refusals.ts";
import { Tenants, type Tenant } from "./tenants.ts";

export interface AdmissionOptions {
  readonly requestsMax: number;
  readonly memoryBytesMax: number;
  readonly random: Random;
  readonly metrics: AdmissionMetrics;
  readonly refusals: Refusals;
}

/** How the process feels; `elapsedMs` since it was asked last. */
export interface ProcessLoad {
  readonly eventLoopDelayMs: number;
  readonly memoryBytes: number;
  readonly elapsedMs: number;
}

/**
 * Of the requests that a process may have at once, so many may be worked on, a quarter more if those are reads; the
 * other half may wait for the log.
 */
const WORKING_SHARE = 0.4;
const WAITING_SHARE = 0.5;
/** Enough for a group commit to be worth its while. */
const LIMIT_MIN = 64;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #bounds: LimitBounds;
  readonly #waitingMax: number;
  readonly #all = { working: 0, waiting: 0 };
  readonly #tenants = new Tenants();
  #limit: number;
  /** Since the last sample. */
  #workingMax = 0;
  #refused = 0;
  #left = 0;
  /** Of the last sample. */
  #memoryBytes = 0;
  #refusedBefore = 0;
  #leftPerSecond = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const limitMax = Math.max(1, Math.floor(options.requestsMax * WORKING_SHARE));
    this.#bounds = { limitMin: Math.min(LIMIT_MIN, limitMax), limitMax };
    this.#waitingMax = Math.max(1, Math.floor(options.requestsMax * WAITING_SHARE));
    this.#limit = limitMax;
  }

  get inFlight(): InFlight {
    return { ...this.#all };
  }

  /** Takes a request on, or says why not. @param wanted places that it is worth. */
  enter(kind: RequestClass, tenantName: string, wanted = 1): Ticket | Refusal {
    const tenant = this.#tenants.asking(tenantName);
    const places = this.placesOf(wanted);
    const reason = refusalAtDoor(kind, this.#gauges(tenant, places - 1));
    if (reason !== undefined) return this.#refuse(reason, kind);
    return new Ticket(this, tenant, places);
  }

  /** What is worth more than a process can give beside others' requests comes in for as much as that. */
  placesOf(wanted: number): number {
    return Math.max(1, Math.min(wanted, placesMax(this.#bounds.limitMax)));
  }

  /** Counts a request that its tenant may not send yet. It says nothing of the process, which may have nothing to do. */
  tooOften(kind: RequestClass, retryAfterMs: number): Refusal {
    this.#options.metrics.refused({ reason: "tenant-rate", class: kind });
    return { reason: "tenant-rate", retryAfterMs };
  }

  /** Takes note of how the process feels. */
  sampled({ eventLoopDelayMs, memoryBytes, elapsedMs }: ProcessLoad): void {
    this.#memoryBytes = memoryBytes;
    const sample = { eventLoopDelayMs, workingMax: this.#workingMax };
    this.#limit = nextLimit(this.#limit, sample, this.#bounds);
    this.#workingMax = this.#all.working;
    this.#refusedBefore = this.#refused;
    this.#leftPerSecond = (this.#left * 1_000) / Math.max(1, elapsedMs);
    this.#refused = 0;
    this.#left = 0;
    this.#tenants.sampled();
    this.#options.metrics.sampled({ limit: Math.floor(this.#limit), ...this.#all, eventLoopDelayMs });
  }

  /** For tickets: one takes so many places more, if they are there. */
  grew(tenant: Tenant, places: number): Refusal | undefined {
    const reason = refusalAtDoor("write", this.#gauges(tenant, places - 1));
    if (reason !== undefined) return this.#refuse(reason, "write");
    this.came(tenant, "working", places);
    return undefined;
  }

  /** For tickets: one comes. */
  came(tenant: Tenant, place: keyof InFlight, places = 1): void {
    tenant[place] += places;
    this.#all[place] += places;
    this.#workingMax = Math.max(this.#workingMax, this.#all.working);
  }

  /** For tickets: it turns out to be of another tenant, unless that one has its share. */
  found(kind: RequestClass, from: Tenant, name: string): Tenant | Refusal {
    const tenant = this.#tenants.asking(name);
    const reason = tenant === from ? undefined : refusalAtDoor(kind, this.#gaugesOfFound(tenant));
    if (reason !== undefined) return this.#refuse(reason, kind);
    from.working -= 1;
    tenant.working += 1;
    return tenant;
  }

  /** The request itself is among those that are worked on. */
  #gaugesOfFound(tenant: Tenant): DoorGauges {
    return { ...this.#gauges(tenant), working: this.#all.working - 1 };
  }

  /** For tickets: one leaves. */
  left(tenant: Tenant, place: keyof InFlight, places = 1): void {
    tenant[place] -= places;
    this.#all[place] -= places;
    this.#left += 1;
  }

  /** For tickets: one goes from working to waiting, if another may wait. */
  moved(tenant: Tenant, places = 1): Refusal | undefined {
    const { waiting } = this.#all;
    const waitingMax = this.#waitingMax;
    const reason = refusalToWait({ waiting, waitingMax, tenant, tenants: this.#tenants.size });
    if (reason !== undefined) return this.#refuse(reason, "ordered");
    this.came(tenant, "waiting", places);
    tenant.working -= places;
    this.#all.working -= places;
    return undefined;
  }

  /** @param further places that are taken besides those in use. */
  #gauges(tenant: Tenant, further = 0): DoorGauges {
    const { working, waiting } = this.#all;
    return {
      working: working + further,
      waiting,
      limit: this.#limit,
      limitMax: this.#bounds.limitMax,
      waitingMax: this.#waitingMax,
      tenant: { working: tenant.working + further, waiting: tenant.waiting },
      tenants: this.#tenants.size,
      memoryBytes: this.#memoryBytes,
      memoryBytesMax: this.#options.memoryBytesMax,
    };
  }

  #refuse(reason: RefusalReason, kind: RequestClass): Refusal {
    const { metrics, refusals, random } = this.#options;
    this.#refused += 1;
    metrics.refused({ reason, class: kind });
    refusals.note(reason);
    // Those that were refused of late come back, and have to fit in besides what is there.
    const excess = this.#all.working + this.#refusedBefore + this.#refused;
    const perSecond = this.#leftPerSecond;
    return { reason, retryAfterMs: retryAfterMs({ excess, perSecond, fraction: random.fraction() }) };
  }
}

/** A request's place in the process, from the door until its work is done. */
export class Ticket {
  readonly #admission: Admission;
  #tenant: Tenant;
  #place: keyof InFlight | undefined = "working";
  #places: number;

  constructor(admission: Admission, tenant: Tenant, places = 1) {
    this.#admission = admission;
    this.#tenant = tenant;
    this.#places = places;
    admission.came(tenant, "working", places);
  }

  /** It has turned out whose the request is, before its work began; or that tenant may have no more, and why. */
  belongsTo(tenant: string, kind: RequestClass): Refusal | undefined {
    if (this.#place !== "working" || this.#places > 1) return undefined;
    const found = this.#admission.found(kind, this.#tenant, tenant);
    if ("reason" in found) return found;
    this.#tenant = found;
    return undefined;
  }

  /** The request turns out to be worth so many places; or they are not there, and why. */
  grows(wanted: number): Refusal | undefined {
    const places = this.#admission.placesOf(wanted);
    if (this.#place !== "working" || places <= this.#places) return undefined;
    const refusal = this.#admission.grew(this.#tenant, places - this.#places);
    if (refusal === undefined) this.#places = places;
    return refusal;
  }

  /** From here on the request waits for the log; or it may not, and why. */
  waits(): Refusal | undefined {
    if (this.#place !== "working") return undefined;
    const refusal = this.#admission.moved(this.#tenant, this.#places);
    if (refusal === undefined) this.#place = "waiting";
    return refusal;
  }

  /** The work is done; more than once is as once. */
  leave(): void {
    if (this.#place === undefined) return;
    this.#admission.left(this.#tenant, this.#place, this.#places);
    this.#place = undefined;
  }
}
