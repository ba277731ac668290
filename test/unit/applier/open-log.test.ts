/** Opening a log against a state: what is bound, gone over to, refused, and never written. */
import { describe, expect, it } from "vitest";
import { NeedsBootstrapError, openLog, type OpenLogOptions } from "../../../services/applier/open-log.ts";
import { LogMismatchError } from "../../../services/core/fold/fold.ts";
import { LogMissingError } from "../../../services/ports/global-log.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { Bed } from "../gateway/bed.ts";

const ID = "01990000-0000-7000-8000-00000000000a";
const NEVER = new AbortController().signal;

/** A region that has folded some entries, and folds no more. */
async function folded(): Promise<Bed> {
  const bed = new Bed({ regions: ["eu"] });
  bed.first.startApplier();
  bed.first.startRelay();
  await bed.world.runUntil(() => stateOf(bed).position >= 3, { limitMs: 60_000, what: "some entries" });
  bed.first.stopRoles();
  await bed.pass(10_000);
  // Ticks that were on their way are not folded.
  bed.servers.messages(0).length = stateOf(bed).position;
  return bed;
}

function stateOf(bed: Bed) {
  return bed.first.database.loadPartition(0);
}

/** What came of it, in virtual time. */
async function open(bed: Bed, change: Partial<OpenLogOptions> = {}): Promise<unknown> {
  let outcome: { readonly value: unknown } | undefined;
  openLog({ ...bed.first.options, members: ["eu"], partition: 0, ...change }, NEVER).then(
    (value) => (outcome = { value }),
    (error: unknown) => (outcome = { value: error }),
  );
  await bed.world.runUntil(() => outcome !== undefined, { limitMs: 60_000, what: "the outcome" });
  return outcome!.value;
}

function rebuild(bed: Bed, { after, chain }: { after: number; chain: string }): void {
  const { cluster } = stateOf(bed);
  const epoch = {
    kind: "epoch",
    origin: "eu",
    id: ID,
    cluster: cluster!,
    partition: 0,
    epoch: 1,
    chain,
  } as const;
  const first = encodeEntry(epoch);
  bed.servers.rebuild({ partition: 0, createdAtMs: undefined, after, origin: "eu", first });
}

describe("a log that was emptied", () => {
  it("gets no genesis from a region that has folded, and no binding", async () => {
    const bed = await folded();
    const boundTo = bed.first.database.logCreatedAtMs(0);
    bed.servers.makeEmpty(0);
    expect(await open(bed)).toBeInstanceOf(LogMismatchError);
    expect(bed.servers.messages(0)).toEqual([]);
    expect(bed.first.database.logCreatedAtMs(0)).toBe(boundTo);
  });

  it("that is gone is not taken for one that is yet to be made", async () => {
    const bed = await folded();
    bed.servers.remove(0);
    expect(String(await open(bed))).toMatch(/is gone/);
    const fresh = new Bed({ regions: ["eu"] });
    fresh.servers.remove(0);
    expect(await open(fresh)).toBeInstanceOf(LogMissingError);
  });
});

describe("a log that was made anew", () => {
  it("is gone over to where it goes on, once, and durably", async () => {
    const bed = await folded();
    const { position, chain } = stateOf(bed);
    rebuild(bed, { after: position, chain });
    expect(await open(bed)).toMatchObject({ state: { position }, firstPosition: position + 1 });
    bed.first.database.fallBack();
    expect(bed.first.database.logCreatedAtMs(0)).toBe(bed.servers.madeAtMs(0));
    expect(stateOf(bed).position).toBe(position);
    expect(await open(bed)).toMatchObject({ state: { position } });
  });

  it("that goes on from something else, or later, is not", async () => {
    const bed = await folded();
    const { position, chain } = stateOf(bed);
    const boundTo = bed.first.database.logCreatedAtMs(0);
    rebuild(bed, { after: position, chain: "ab".repeat(32) });
    expect(String(await open(bed))).toMatch(/made anew.*something else.*region rejoin eu/);
    const behind = await folded();
    behind.servers.store(0, encodeEntry({ kind: "barrier", origin: "eu", id: ID, purpose: "test" }));
    rebuild(behind, { after: position + 1, chain });
    expect(await open(behind)).toBeInstanceOf(NeedsBootstrapError);
    expect(bed.first.database.logCreatedAtMs(0)).toBe(boundTo);
  });
});

describe("a region that has folded more than the log has", () => {
  it("is believed where it is of the same log", async () => {
    const bed = await folded();
    const { position } = stateOf(bed);
    const logCreatedAtMs = bed.servers.madeAtMs(0);
    const saying = (witness: { position: number; logCreatedAtMs: number | undefined }) =>
      open(bed, { witnesses: () => Promise.resolve([{ region: "us", ...witness }]) });
    expect(await saying({ position, logCreatedAtMs })).toMatchObject({ state: { position } });
    expect(await saying({ position: position + 9, logCreatedAtMs: 5 })).toMatchObject({
      state: { position },
    });
    expect(String(await saying({ position: position + 1, logCreatedAtMs }))).toMatch(/us has folded up to/);
  });
});
