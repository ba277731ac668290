/** Group commits of a gateway on a region's simulated database. */
import { expect, onTestFinished } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { GroupCommit, type GroupCommitOptions } from "../../../services/gateway/group-commit.ts";
import {
  StoreUnavailableError,
  type AppendOutcome,
  type WalAppend,
  type WriteAheadLog,
} from "../../../services/ports/region-store.ts";
import { Bed, COLLECTION, idOf, overriding, TENANT } from "./bed.ts";
import { CountedPressure } from "./counted-pressure.ts";

type Append = WriteAheadLog["append"];

/** A gateway's group commit on a region's simulated database. */
export class CommitBed extends Bed {
  /** Ids of each call to the store. */
  readonly calls: string[][] = [];
  flushes: number[] = [];
  readonly pressure = new CountedPressure();

  /** Of the test that makes it. */
  constructor() {
    super();
    const { counts } = this.pressure;
    onTestFinished(() => expect(counts.ended, "each append ends once").toBe(counts.begun));
  }

  commit(changes: Partial<GroupCommitOptions> & { append?: (append: Append) => Append } = {}): GroupCommit {
    const { append: wrap, ...options } = changes;
    const { store } = this.first.options;
    const append: Append = (input) => {
      this.calls.push(input.operations.map((one) => one.id));
      return store.append(input);
    };
    const metrics = {
      ...this.first.options.metrics,
      flushed: ({ operations }: { operations: number }) => this.flushes.push(operations),
    };
    return new GroupCommit({
      ...this.first.options,
      partition: 0,
      metrics,
      walPressure: this.pressure,
      ...options,
      store: overriding(store, { append: wrap === undefined ? append : wrap(append) }),
    });
  }

  deadline(inMs: number): number {
    return this.world.nowMs + inMs;
  }

  sequences(): number[] {
    return this.first.database.walRows(0).map((row) => row.sequence);
  }
}

export function operation(number: number, changes: Partial<WalAppend> = {}): WalAppend {
  const body = `[["name","lww","set",${number}]]`;
  return {
    id: idOf(number),
    tenant: TENANT,
    collection: COLLECTION,
    key: `k${number}`,
    requestHash: body,
    body,
    ...changes,
  };
}

function codeOf(error: unknown): string {
  return error instanceof GatewayError ? error.code : String(error);
}

/** What became of each: its status, or the code of its refusal. */
export function outcomesOf(promises: readonly Promise<AppendOutcome>[]): Promise<string[]> {
  return Promise.all(promises.map((promise) => promise.then(({ status }) => status, codeOf)));
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

export const UNKNOWN = () => new StoreUnavailableError("the connection broke", { outcome: "unknown" });
export const NONE = () => new StoreUnavailableError("nobody answers", { outcome: "none" });
