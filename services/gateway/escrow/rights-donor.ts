/**
 * Hands rights to escrows over to other regions that ask: as an operation in this region's own WAL, by which it gives up
 * what it may take at once, and the log gives it to the other.
 */
import { rightsToGrant } from "../../core/escrow-move.ts";
import type { Change } from "../../core/fields/kind.ts";
import { sha256 } from "../../core/hash.ts";
import { encodeChanges } from "../../protocol/change-codec.ts";
import {
  decodeRightsRequest,
  encodeRightsMessage,
  type RightsAnswerMessage,
  type RightsRequestMessage,
} from "../../protocol/rights-request.ts";
import type { AppendOutcome } from "../../ports/region-store.ts";
import type { Members } from "../decisions/members.ts";
import type { GatewayOptions } from "../gateway-options.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Planner } from "../planner.ts";
import type { RightsSeeker } from "./rights-seeker.ts";

const APPEND_DEADLINE_MS = 1_000;
/** Every region ticks once a second. */
const STALLED_AFTER_MS = 3_000;
const NOTHING: RightsAnswerMessage = { granted: 0, sequence: 0 };

export interface RightsDonorParts {
  readonly planner: Planner;
  readonly members: Members;
  readonly commits: readonly GroupCommit[];
  readonly seeker: RightsSeeker;
}

export class RightsDonor {
  readonly #options: GatewayOptions;
  readonly #parts: RightsDonorParts;
  /** How far each partition was folded, and since when. */
  readonly #progress = new Map<number, { readonly position: number; readonly sinceMs: number }>();

  constructor(options: GatewayOptions, parts: RightsDonorParts) {
    this.#options = options;
    this.#parts = parts;
    options.folded.listen(({ partition, position }) => void this.#noteProgress(partition, position));
  }

  /**
   * Answers one request of another region.
   * @throws {UndecodableEntryError}, {GatewayError}, {StoreUnavailableError}
   */
  async answer(data: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#decide(decodeRightsRequest(data));
    this.#options.metrics.rightsAnswered(answer);
    return encodeRightsMessage(answer);
  }

  async #decide(request: RightsRequestMessage): Promise<RightsAnswerMessage> {
    const { tenant, collection, key, field, region: to } = request;
    const partition = await this.#parts.planner.partitionOf({ tenant, collection, key });
    const record = { partition, tenant, collection, key };
    if (to === this.#options.region || !(await this.#parts.members.has(partition, to))) return NOTHING;
    const { seeker } = this.#parts;
    if (seeker.isNeeded({ ...record, field }, to) || (await this.#isStalled(partition))) return NOTHING;
    const { escrows } = await this.#options.store.readEscrows(record);
    const share = escrows.find((escrow) => escrow.field === field);
    // One grant at a time: what is on its way helps nobody, and must not become ever more while the log takes nothing.
    if (share === undefined || share.leaving > 0) return NOTHING;
    const isIdle = seeker.isIdle({ ...record, field });
    const amount = rightsToGrant(share.here, request, { isIdle });
    if (amount === 0) return NOTHING;
    const outcome = await this.#append(request, partition, amount);
    return outcome.status === "accepted" ? { granted: amount, sequence: outcome.sequence } : NOTHING;
  }

  /** While the log does not go on, or this region does not fold it, rights would be given up that nobody gets. */
  async #isStalled(partition: number): Promise<boolean> {
    const { position } = await this.#options.store.readPositions(partition);
    return this.#options.clock.monotonicMs() - this.#noteProgress(partition, position) > STALLED_AFTER_MS;
  }

  /** @returns since when the partition has been at its position, as far as this process knows; on the monotonic clock. */
  #noteProgress(partition: number, position: number): number {
    const last = this.#progress.get(partition);
    if (last?.position === position) return last.sinceMs;
    const sinceMs = this.#options.clock.monotonicMs();
    this.#progress.set(partition, { position, sinceMs });
    return sinceMs;
  }

  #append(request: RightsRequestMessage, partition: number, amount: number): Promise<AppendOutcome> {
    const { tenant, collection, key, field, region: to } = request;
    const { clock, random } = this.#options;
    const change: Change = { field, kind: "escrow", operator: "move", argument: { to, amount } };
    const body = encodeChanges([change]);
    const id = random.uuid(clock.nowMs());
    const requestHash = sha256(`${collection}\n${key}\n${body}`);
    const operation = { id, tenant, collection, key, body, requestHash, handsOver: { [field]: amount } };
    const deadlineAtMs = clock.monotonicMs() + APPEND_DEADLINE_MS;
    return this.#parts.commits[partition]!.append(operation, deadlineAtMs, { kind: "chore" });
  }
}
