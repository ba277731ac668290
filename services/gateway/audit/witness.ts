/**
 * Regions remember where each other's audit trails ended: who drops the end of a trail, or makes all of it anew, would have
 * to do so in all databases at once.
 */
import type { AuditHead } from "../../core/audit.ts";
import type { AuditTrail, SeenAuditHead } from "../../ports/audit-trail.ts";
import type { Bus } from "../../ports/bus.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import { AUDIT_SERVICE, decodeAuditHead, encodeAuditHead } from "../../protocol/audit-message.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { Logger } from "../../runtime/logger.ts";

const ASK_TIMEOUT_MS = 2_000;

export interface AuditWitnessOptions {
  readonly region: string;
  readonly bus: Bus;
  readonly store: Pick<AuditTrail, "readAuditHead" | "keepAuditHead" | "listAuditHeads"> &
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
    const { bus, store } = this.#options;
    return bus.serve(AUDIT_SERVICE, async () => encodeAuditHead(await store.readAuditHead()));
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
    const head = await this.#ask(region);
    const last = this.#last?.get(region);
    if (head === undefined || (head.sequence === last?.sequence && head.hash === last.hash)) return false;
    if (last === undefined && head.sequence === 0) return false;
    if (last !== undefined && head.sequence <= last.sequence)
      logger.error(
        { region, sequence: head.sequence, seen: last.sequence },
        "another region's audit trail has gone back, or was made anew",
      );
    const seen = { region, ...head, seenAtMs: clock.nowMs() };
    await store.keepAuditHead(seen);
    this.#last?.set(region, seen);
    return true;
  }

  async #ask(region: string): Promise<AuditHead | undefined> {
    const { bus, logger } = this.#options;
    const data = new Uint8Array();
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
