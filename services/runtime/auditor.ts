/**
 * Acts of operators, in the audit trail: intent → the act → what became of it. A process that ends in between leaves the
 * intent alone, which tells that nobody knows.
 */
import type { AuditAction, AuditFact, AuditHead, AuditOutcome, AuditRow } from "../core/audit.ts";
import { sha256 } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import type { AuditQuery, AuditTrail, SeenAuditHead } from "../ports/audit-trail.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { StoreUnavailableError } from "../ports/region-store.ts";
import { describeError } from "./describe-error.ts";
import type { Logger } from "./logger.ts";
import { inTime } from "./in-time.ts";

/** How long an act waits for its intent, and its answer for the outcome. */
const INTENT_MS_MAX = 5_000;
const OUTCOME_MS_MAX = 1_000;
/** Of what is told about an act. */
const ABOUT_LENGTH_MAX = 4_096;
const ABOUT_KEPT_LENGTH = 1_024;

/** Who has ordered it. */
export interface Orderer {
  readonly actor: string;
  /** Null for what a region does by itself. */
  readonly address: string | null;
}

export interface Ending {
  readonly outcome: Exclude<AuditOutcome, "intent">;
  readonly about: object;
}

export interface Act<T> extends Orderer {
  readonly action: AuditAction;
  /** What is to be done, and to what; no values of records. */
  readonly about: object;
  /** How long whoever waits for the act waits. */
  readonly deadlineMs?: number | undefined;
  /** It is done although it can't be kept: what mends a region must not need all of it. */
  readonly isUrgent?: boolean;
  /** Ordered by a tenant for itself: such acts get a part of the queue alone, so that they keep no operator from acting. */
  readonly isTenants?: boolean;
  /** Default: done. */
  readonly ended?: (result: T) => Ending;
  /** Default: failed. */
  readonly failed?: (error: unknown) => Ending;
}

/** What the gateway needs of it. */
export interface Auditing {
  /** @throws {StoreUnavailableError} the act can't be kept, and is not done; and whatever the work throws. */
  act<T>(act: Act<T>, work: () => Promise<T>): Promise<T>;
  head(): Promise<AuditHead>;
  list(query: AuditQuery): Promise<AuditRow[]>;
  seenHeads(): Promise<SeenAuditHead[]>;
}

export interface AuditorOptions {
  readonly store: AuditTrail;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Acts of this process that wait for their turn. */
const WAITING_MAX = 256;
/** Of tenants, under way at once: each waits twice. */
const TENANTS_ACTS_MAX = 64;

type Named = Omit<AuditFact, "atMs" | "about" | "outcome">;

export class Auditor implements Auditing {
  readonly #options: AuditorOptions;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #tenantsActs = 0;

  constructor({ store, clock, random, logger }: AuditorOptions) {
    this.#options = { store, clock, random, logger };
  }

  async act<T>(act: Act<T>, work: () => Promise<T>): Promise<T> {
    if (act.isTenants !== true) return this.#act(act, work);
    if (Math.max(this.#tenantsActs, this.#waiting) >= TENANTS_ACTS_MAX) {
      const message = `${TENANTS_ACTS_MAX} acts of tenants are under way already`;
      throw new StoreUnavailableError(message, { outcome: "none" });
    }
    this.#tenantsActs += 1;
    try {
      return await this.#act(act, work);
    } finally {
      this.#tenantsActs -= 1;
    }
  }

  async #act<T>(act: Act<T>, work: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#options;
    const { action, actor, address, ended = done, failed = failure } = act;
    const named = { act: random.uuid(clock.nowMs()), action, actor, address };
    const intent = await this.#intend(named, act);
    const end = async (ending: Ending): Promise<void> => {
      if (intent.isKept) return this.#end(named, ending);
      // It may be there, or come yet; without its ending nobody would know that the act was over.
      void intent.kept.then(() => this.#end(named, ending)).catch(() => undefined);
    };
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await end(failed(error));
      throw error;
    }
    await end(ended(result));
    return result;
  }

  head(): Promise<AuditHead> {
    return this.#options.store.readAuditHead();
  }

  list(query: AuditQuery): Promise<AuditRow[]> {
    return this.#options.store.listAudit(query);
  }

  seenHeads(): Promise<SeenAuditHead[]> {
    return this.#options.store.listAuditHeads();
  }

  /** @returns whether the intent is kept by now. @throws {StoreUnavailableError} it is not, and the act must not be done. */
  async #intend(
    named: Named,
    { about, deadlineMs, isUrgent }: Act<never> | Act<unknown>,
  ): Promise<{ readonly isKept: boolean; readonly kept: Promise<unknown> }> {
    const { logger } = this.#options;
    const kept = this.#append(named, { outcome: "intent", about });
    const problem = await this.#problemOf(kept, Math.min(deadlineMs ?? Infinity, INTENT_MS_MAX));
    if (problem === undefined) return { isKept: true, kept };
    const fields = { ...named, about: aboutText(about), error: problem };
    if (isUrgent === true) {
      logger.error(fields, "an operator's act can't be kept in the audit trail; it is done all the same");
      return { isKept: false, kept };
    }
    logger.error(fields, "an operator's act can't be kept in the audit trail, and is refused");
    // The intent may be there, or come yet: nothing followed it.
    const ending = { outcome: "refused", about: { reason: "the trail did not answer" } } as const;
    void kept.then(() => this.#end(named, ending)).catch(() => undefined);
    throw new StoreUnavailableError(`the audit trail can't be written: ${problem}`, { outcome: "none" });
  }

  /** What can't be kept is told in the log; the act is done. */
  async #end(named: Named, ending: Ending): Promise<void> {
    const problem = await this.#problemOf(this.#append(named, ending), OUTCOME_MS_MAX);
    if (problem === undefined) return;
    const { outcome } = ending;
    this.#options.logger.error(
      { ...named, outcome, error: problem },
      "how an act has ended is not in the audit trail, or comes late",
    );
  }

  async #append(named: Named, { outcome, about }: Ending | { outcome: "intent"; about: object }) {
    const { clock, logger } = this.#options;
    const fact = { ...named, atMs: clock.nowMs(), about: aboutText(about), outcome };
    const { sequence, hash } = await this.#appendInTurn(fact);
    // Whoever keeps these lines elsewhere can prove that rows at the end are missing.
    logger.info({ audit: { sequence, hash, ...named, outcome } }, "audit");
  }

  /** One at a time: each needs the hash of the one before, and those that tried at once would only find that out. */
  #appendInTurn(fact: AuditFact): Promise<AuditRow> {
    if (this.#waiting >= WAITING_MAX) {
      const message = `${WAITING_MAX} acts already wait for the audit trail`;
      return Promise.reject(new StoreUnavailableError(message, { outcome: "none" }));
    }
    this.#waiting += 1;
    const appended = this.#turn.then(() => this.#options.store.appendAudit(fact));
    this.#turn = appended.then(
      () => void (this.#waiting -= 1),
      () => void (this.#waiting -= 1),
    );
    return appended;
  }

  /** Why it was not done in time; undefined where it was. */
  #problemOf(asked: Promise<unknown>, timeoutMs: number): Promise<string | undefined> {
    const { clock } = this.#options;
    const problem = asked.then(() => undefined, describeError);
    return inTime(problem, { clock, timeoutMs, late: () => "the database has not answered" });
  }
}

function done(): Ending {
  return { outcome: "done", about: {} };
}

function failure(error: unknown): Ending {
  return { outcome: "failed", about: { reason: describeError(error) } };
}

function aboutText(about: object): string {
  const text = canonicalJson(about);
  if (text.length <= ABOUT_LENGTH_MAX) return text;
  return canonicalJson({
    begins: text.slice(0, ABOUT_KEPT_LENGTH),
    length: text.length,
    sha256: sha256(text),
  });
}
