/**
 * Regions remember where each other's audit trails ended: who drops the end of a trail, or makes all of it anew, would have
 * to do so in all databases at once.
 */
import type { AuditTrail, SeenAuditHead } from "../../ports/audit-trail.ts";
import type { Bus } from "../../ports/bus.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import {
  AUDIT_SERVICE,
  decodeAuditHead,
  decodeAuditQuestion,
  encodeAuditHead,
  encodeAuditQuestion,
  type AuditHeadMessage,
} from "../../protocol/audit-message.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { Logger } from "../../runtime/logger.ts";

const ASK_TIMEOUT_MS = 2_000;

export interface AuditWitnessOptions {
  readonly region: string;
  readonly bus: Bus;
  readonly store: Pick<AuditTrail, "readAuditHead" | "listAudit" | "keepAuditHead" | "listAuditHeads"> &
    Pick<StateReader, "readPositions">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class AuditWitness {
  readonly #options: AuditWitnessOptions;
  /** What is kept of each region last; undefined until it was read. */
  #last: Map<string, SeenAuditHead> | undefined;

  constructor(options: AuditWitnessOptions) {
    this.#options = options;
  }

  /** Answers other regions until the returned function is called. */
  serve(): () => void {
    return this.#options.bus.serve(AUDIT_SERVICE, async (data) => {
      const { store } = this.#options;
      const at = decodeAuditQuestion(data);
      const [head, [row]] = await Promise.all([
        store.readAuditHead(),
        at === undefined ? [] : store.listAudit({ after: at - 1, limit: 1 }),
      ]);
      return encodeAuditHead({
        ...head,
        ...(row?.sequence === at && row !== undefined && { hash_at: row.hash }),
      });
    });
  }

  /** Asks all others. @returns how many heads were new. @throws {StoreUnavailableError} the own database. */
  async look(): Promise<number> {
    const { region, store } = this.#options;
    this.#last ??= newestOf(await store.listAuditHeads());
    const { members } = await store.readPositions(0);
    const others = members.filter((member) => member !== region);
    const kept = await Promise.all(others.map((other) => this.#lookAt(other)));
    return kept.filter(Boolean).length;
  }

  async #lookAt(region: string): Promise<boolean> {
    const { store, clock, logger } = this.#options;
    const last = this.#last?.get(region);
    const answer = await this.#ask(region, last?.sequence === 0 ? undefined : last?.sequence);
    const head = answer && { sequence: answer.sequence, hash: answer.hash };
    if (head === undefined || (head.sequence === last?.sequence && head.hash === last.hash)) return false;
    if (last === undefined && head.sequence === 0) return false;
    // Software of before tells nothing of the row that is known.
    const isOther = answer?.hash_at !== undefined && answer.hash_at !== last?.hash;
    if (last !== undefined && (head.sequence <= last.sequence || isOther))
      logger.error(
        { region, sequence: head.sequence, seen: last.sequence },
        "another region's audit trail has gone back, or was made anew",
      );
    const seen = { region, ...head, seenAtMs: clock.nowMs() };
    await store.keepAuditHead(seen);
    this.#last?.set(region, seen);
    return true;
  }

  /** @param at a row that is known. */
  async #ask(region: string, at: number | undefined): Promise<AuditHeadMessage | undefined> {
    const { bus, logger } = this.#options;
    const data = encodeAuditQuestion(at);
    try {
      return decodeAuditHead(
        await bus.request({ region, service: AUDIT_SERVICE, data, timeoutMs: ASK_TIMEOUT_MS }),
      );
    } catch (error) {
      logger.debug(
        { region, error: describeError(error) },
        "a region does not tell where its audit trail ends",
      );
      return undefined;
    }
  }
}

function newestOf(heads: readonly SeenAuditHead[]): Map<string, SeenAuditHead> {
  const newest = new Map<string, SeenAuditHead>();
  for (const head of heads) {
    const known = newest.get(head.region);
    if (known === undefined || head.seenAtMs >= known.seenAtMs) newest.set(head.region, head);
  }
  return newest;
}
