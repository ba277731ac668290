/**
 * One region as a verification sees it: questions about its checkpoint, asked of this process where it has it and over the bus
 * otherwise, again and again within a budget. What can't be had is a problem of that region, never a difference.
 */
import type { RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import type { Frontier } from "../core/verify/digest-tree.ts";
import type { RegionProblem } from "../core/verify/verdict.ts";
import { BusOutcomeUnknownError, BusUnavailableError, type Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { RowDigest } from "../ports/partition-snapshot.ts";
import {
  checkpointService,
  decodeVerifyAnswer,
  encodeVerifyRequest,
  OtherVersionError,
  partsOf,
  PLACE_SERVICE,
  toNames,
  VERIFY_NODES_MAX,
  VERIFY_RECORDS_MAX,
  VerifyRefusedError,
  type CheckpointState,
  type VerifyAnswer,
  type VerifyAsk,
  type VerifyRequest,
} from "../protocol/verify-message.ts";
import { isObject } from "../core/json.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import { bitsOf } from "./checkpoint.ts";
import type { Checkpoints } from "./checkpoints.ts";

const LOOK_TIMEOUT_MS = 2_000;
/** What takes longer (a page of rows may be a scan of all of them) goes on meanwhile, and the next try waits for the same. */
const ANSWER_TIMEOUT_MS = 6_000;
const TRIES_MAX = 8;
const RETRY = { baseMs: 200, maxMs: 3_000 };

/** Why a region can't be compared, or not any further. */
export class RegionProblemError extends Error {
  override readonly name = "RegionProblemError";
  readonly region: string;
  readonly problem: RegionProblem;
  constructor(region: string, problem: RegionProblem) {
    super(`${region} ${problem.text}`);
    this.region = region;
    this.problem = problem;
  }
}

export interface PeerOptions {
  /** The region that asks. */
  readonly region: string;
  readonly bus: Pick<Bus, "request">;
  /** Of this process. */
  readonly checkpoints: Pick<Checkpoints, "answer" | "tellPlace">;
  readonly clock: Clock;
  readonly random: Random;
}

type RequestOf<Ask extends VerifyAsk> = Extract<VerifyRequest, { ask: Ask }>;

export class Peer {
  readonly region: string;
  readonly #barrier: string;
  readonly #options: PeerOptions;

  constructor(region: string, barrier: string, options: PeerOptions) {
    this.region = region;
    this.#barrier = barrier;
    this.#options = options;
  }

  /** One look. @throws {RegionProblemError} for a schema mismatch; and what the bus throws. */
  async look(): Promise<CheckpointState> {
    return (await this.#once({ ask: "state" }, LOOK_TIMEOUT_MS)).answer;
  }

  /** How far it has folded; one look. @throws as `look`. */
  async lookAtPlace(partition: number): Promise<number> {
    const { region, bus, checkpoints } = this.#options;
    const data = encodeVerifyRequest({ ask: "place", partition });
    const request = { region: this.region, service: PLACE_SERVICE, data, timeoutMs: LOOK_TIMEOUT_MS };
    const isSelf = this.region === region;
    return this.#read("place", await (isSelf ? checkpoints.tellPlace(data) : bus.request(request))).answer
      .position;
  }

  /** Digests of a frontier's nodes, in order. @throws {RegionProblemError} */
  async digests({ level, nodes }: Frontier): Promise<string[]> {
    const told: string[] = [];
    for (let at = 0; at < nodes.length; at += VERIFY_NODES_MAX) {
      const part = nodes.slice(at, at + VERIFY_NODES_MAX);
      const { digests } = (await this.#ask({ ask: "nodes", level, nodes: part })).answer;
      if (digests.length !== part.length) this.#fail("told of other nodes than it was asked for");
      told.push(...digests);
    }
    return told;
  }

  /** Rows of some leaves, by pages. @throws {RegionProblemError} */
  async *rows(
    wanted: readonly number[],
    { leaves, reading }: { leaves: number; reading: string },
  ): AsyncGenerator<readonly RowDigest[], void, undefined> {
    const bits = bitsOf(wanted, leaves).toString("base64");
    for (let page = 0; ; page += 1) {
      const { rows, isLast } = (await this.#ask({ ask: "rows", reading, page, leaves: bits })).answer;
      yield rows.map(([tenant, collection, key, hash]) => ({ tenant, collection, key, hash }));
      if (isLast) return;
    }
  }

  /** Those that exist. @throws {RegionProblemError} */
  async records(ids: readonly RecordId[]): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    for (const part of partsOf(ids.map(toNames), VERIFY_RECORDS_MAX)) {
      const pieces: Uint8Array[] = [];
      let offset = 0;
      for (;;) {
        const { answer, text } = await this.#ask({ ask: "records", records: part, offset });
        pieces.push(text);
        offset += text.byteLength;
        if (offset >= answer.bytes || text.byteLength === 0) break;
      }
      records.push(...this.#parseRecords(Buffer.concat(pieces).toString("utf8")));
    }
    return records;
  }

  /** What the fold keeps besides records, by name. @throws {RegionProblemError} */
  async rest(operationsAbove: number): Promise<[string, string][]> {
    const told: [string, string][] = [];
    for (;;) {
      const { answer } = await this.#ask({ ask: "rest", operationsAbove, after: told.length });
      told.push(...answer.entries);
      if (answer.isLast || answer.entries.length === 0) return told;
    }
  }

  /** Lets go of the checkpoint. Best effort. */
  async release(): Promise<void> {
    await this.#once({ ask: "release" }, LOOK_TIMEOUT_MS).catch(() => undefined);
  }

  #parseRecords(text: string): StoredRecord[] {
    try {
      const records: unknown = JSON.parse(text);
      if (Array.isArray(records) && records.every(isRecord)) return records;
    } catch {
      // Said below.
    }
    return this.#fail("told of records in a way that can't be read");
  }

  async #ask<Ask extends VerifyAsk>(request: RequestOf<Ask>) {
    const { clock, random } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(request, ANSWER_TIMEOUT_MS);
      } catch (error) {
        if (error instanceof RegionProblemError) throw error;
        if (attempt >= TRIES_MAX || !isWorthAnotherTry(error))
          return this.#fail(`no longer answers for its checkpoint: ${describeError(error)}`);
        await clock.sleep(backoffMs({ attempt, ...RETRY, random }));
      }
    }
  }

  async #once<Ask extends VerifyAsk>(request: RequestOf<Ask>, timeoutMs: number) {
    const { region, bus, checkpoints } = this.#options;
    const data = encodeVerifyRequest(request);
    const own = this.region === region ? checkpoints.answer(this.#barrier, data) : undefined;
    const service = checkpointService(this.#barrier);
    const answer = await (own ?? bus.request({ region: this.region, service, data, timeoutMs }));
    return this.#read<Ask>(request.ask as Ask, answer);
  }

  #read<Ask extends VerifyAsk>(ask: Ask, data: Uint8Array): { answer: VerifyAnswer<Ask>; text: Uint8Array } {
    try {
      return decodeVerifyAnswer(ask, data);
    } catch (error) {
      if (error instanceof VerifyRefusedError) throw error;
      const kind = error instanceof OtherVersionError ? "schema-mismatch" : "unreachable";
      const text = `answers in a way that can't be compared: ${describeError(error)}`;
      throw new RegionProblemError(this.region, { kind, text });
    }
  }

  #fail(text: string): never {
    throw new RegionProblemError(this.region, { kind: "unreachable", text });
  }
}

/** Whether the same question may be answered later. */
export function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof BusUnavailableError || error instanceof BusOutcomeUnknownError;
}

/** Rows may be damaged in any way: only what comparing needs is looked at. */
function isRecord(value: unknown): value is StoredRecord {
  if (!isObject(value)) return false;
  const isNamed = [value["tenant"], value["collection"], value["key"]].every(
    (name) => typeof name === "string",
  );
  return isNamed && typeof value["version"] === "number" && isObject(value["fields"]);
}
