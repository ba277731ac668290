/** Verification and repair as operators ask for them: checked here, done by the reconciler, and read back from the store. */
import { ReconciliationError, type Reconciliation, type RepairReport } from "../ports/reconciliation.ts";
import type { RepairRequest, Verification } from "../ports/reconciliation.ts";
import type { ConflictPlace, RepairQuery, StoredRepair } from "../ports/region-store.ts";
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import { GatewayError, type GatewayErrorCode } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { StorePatience } from "./store-patience.ts";
import { inTime } from "../runtime/in-time.ts";

/** Of what operators order; below what their tools wait for an answer. */
const ORDER_DEADLINE_MS = 60_000;

/** Rows of this region that repairs have changed, newest first. */
export interface RepairsRequest extends RepairQuery {
  /** Default 15 s. */
  readonly deadlineMs?: number | undefined;
}

export interface RepairPage {
  readonly repairs: readonly StoredRepair[];
  /** Pass as `before` to go on; undefined at the end. */
  readonly next: ConflictPlace | undefined;
}

export interface Reconciling {
  /** @param partition default: all. @returns those that have begun, or were under way. */
  verify(partition: number | undefined): Promise<readonly Verification[]>;
  verification(id: string): Promise<Verification>;
  verifications(options: { limit: number }): Promise<readonly Verification[]>;
  repair(request: RepairRequest): Promise<RepairReport>;
  repairs(request: RepairsRequest): Promise<RepairPage>;
}

type Options = Pick<GatewayOptions, "region" | "partitions" | "store" | "clock" | "reconciliation">;

export class ReconcilingService implements Reconciling {
  readonly #options: Options;
  readonly #patience: StorePatience;

  constructor(options: Options, patience: StorePatience) {
    this.#options = options;
    this.#patience = patience;
  }

  /** @throws {GatewayError} malformed-body, reconciler-unavailable. @throws {ReconciliationError} some may have begun. */
  async verify(partition: number | undefined): Promise<readonly Verification[]> {
    const reconciliation = this.#reconciliation();
    const begun = await this.#inTime(
      Promise.allSettled(this.#asked(partition).map((each) => reconciliation.verify(each))),
      { code: "reconciler-unavailable", message: "it may have begun; asking again begins none twice" },
    );
    return begun.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  /** @throws {GatewayError} reconciler-unavailable. @throws {ReconciliationError} unknown-verification. */
  async verification(id: string): Promise<Verification> {
    const found = await this.#reading(this.#reconciliation().read(id));
    if (found !== undefined) return found;
    const { region } = this.#options;
    throw new ReconciliationError(
      "unknown-verification",
      `region ${region} knows no verification ${id}: another region or process began it, or it is long over`,
    );
  }

  /** @throws {GatewayError} reconciler-unavailable. */
  verifications(options: { limit: number }): Promise<readonly Verification[]> {
    return this.#reading(this.#reconciliation().list(options));
  }

  /**
   * @throws {GatewayError} unknown-region, region-not-compared, outcome-unknown, reconciler-unavailable.
   * @throws {ReconciliationError}
   */
  async repair(request: RepairRequest): Promise<RepairReport> {
    const { verification, preferred, isDryRun } = request;
    const found = await this.verification(verification);
    if (preferred !== undefined) checkPreferred(found, preferred);
    const code = isDryRun ? "reconciler-unavailable" : "outcome-unknown";
    const message = isDryRun ? "nothing was changed" : "it may go on; a new verification tells what is left";
    return this.#inTime(this.#reconciliation().repair(request), { code, message });
  }

  /** Told by any process of the region, with a reconciler or without. @throws {StoreUnavailableError} */
  async repairs(request: RepairsRequest): Promise<RepairPage> {
    const { limit, deadlineMs = DEADLINE_MS_DEFAULT, ...query } = request;
    const deadlineAtMs = this.#options.clock.monotonicMs() + deadlineMs;
    const reading = this.#options.store.listRepairs({ ...query, limit: limit + 1 });
    const found = await this.#patience.until(deadlineAtMs, reading);
    const repairs = found.slice(0, limit);
    const last = found.length > limit ? repairs.at(-1) : undefined;
    return { repairs, next: last && placeOfRepair(last) };
  }

  #reconciliation(): Reconciliation {
    const { region, reconciliation } = this.#options;
    if (reconciliation !== undefined) return reconciliation;
    const message = `this process of region ${region} runs no reconciler; ask one that does`;
    throw new GatewayError("reconciler-unavailable", message);
  }

  #asked(partition: number | undefined): readonly number[] {
    const { partitions } = this.#options;
    const all = Array.from({ length: partitions }, (_, number) => number);
    if (partition === undefined) return all;
    if (all.includes(partition)) return [partition];
    const message = `there is no partition ${partition}; the cluster has 0 to ${partitions - 1}`;
    throw new GatewayError("malformed-body", message, { field: "partition" });
  }

  #reading<T>(asked: Promise<T>): Promise<T> {
    return this.#inTime(asked, { code: "reconciler-unavailable", message: "asking again does no harm" });
  }

  /** @throws {GatewayError} of the code, when the reconciler has not answered. */
  #inTime<T>(
    asked: Promise<T>,
    { code, message }: { readonly code: GatewayErrorCode; readonly message: string },
  ): Promise<T> {
    const late = () => {
      const seconds = ORDER_DEADLINE_MS / 1_000;
      throw new GatewayError(code, `the reconciler has not answered within ${seconds} s; ${message}`);
    };
    return inTime(asked, { clock: this.#options.clock, timeoutMs: ORDER_DEADLINE_MS, late });
  }
}

export function placeOfRepair({ logTimeMs, partition, position, ordinal }: StoredRepair): ConflictPlace {
  return { logTimeMs, partition, position, ordinal };
}

function checkPreferred({ regions }: Verification, preferred: string): void {
  const found = regions.find(({ region }) => region === preferred);
  const compared = regions.filter(({ problem }) => problem === undefined).map(({ region }) => region);
  const choice = compared.length === 0 ? "none was" : `those that were are ${compared.join(", ")}`;
  if (found === undefined) {
    const message = `region "${preferred}" has no part in the verification; ${choice}`;
    throw new GatewayError("unknown-region", message, { field: "preferred" });
  }
  if (found.problem === undefined) return;
  const message = `region ${preferred} was not compared (${found.problem}); ${choice}`;
  throw new GatewayError("region-not-compared", message, { field: "preferred" });
}
