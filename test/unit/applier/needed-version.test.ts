/** What stands at a newer entry is told once nobody has taken it over, and for as long as it stands there. */
import { describe, expect, it } from "vitest";
import { NeededVersion } from "../../../services/applier/needed-version.ts";
import type { OrderedEntry } from "../../../services/core/entry.ts";
import { RoleRefusedError } from "../../../services/ports/entry-versions.ts";
import { ENTRY_VERSION } from "../../../services/protocol/entry-codec.ts";
import { NewerEntryError } from "../../../services/protocol/undecodable.ts";

const newer = new NewerEntryError("entry version 99 is newer: upgrade this region", 99);
const at = (position: number) => ({ collections: {}, position });

const barrierAt = (position: number): OrderedEntry => ({
  position,
  storedAtMs: 0,
  checksum: "",
  entry: { kind: "forged" } as OrderedEntry["entry"],
});

function bed(needed = 1) {
  const told: (string | undefined)[] = [];
  const aside: number[] = [];
  const version = new NeededVersion({
    partition: 0,
    software: "0.2.0",
    store: {
      needVersion: async () => undefined,
      neededVersions: async () => [{ partition: 0, version: needed, software: "0.3.0" }],
      standAside: async ({ version: met }) => void aside.push(met),
    },
    metrics: { stopped: (reason) => void told.push(reason) },
  });
  return { version, told, aside };
}

describe("an applier that meets an entry of newer software", () => {
  it("says nothing where it may be taken over, and says so where it had to take it again, until it goes on", async () => {
    const { version, told, aside } = bed();
    await version.open(at(5));
    version.isNews([barrierAt(6), barrierAt(7)]);
    await version.met(newer);
    version.left();
    await version.open(at(7));
    expect(new Set(told)).toEqual(new Set([undefined]));
    await version.met(newer);
    version.left();
    expect(told.at(-1)).toBe(newer.message);
    expect(aside).toEqual([99, 99]);
    await version.open(at(7));
    expect(told.at(-1)).toBe(newer.message);
    version.isNews([barrierAt(8)]);
    expect(told.at(-1)).toBeUndefined();
    await version.met(newer);
    version.left();
    expect(told.at(-1)).toBeUndefined();
  });

  it("has nothing left to say where another process has folded on", async () => {
    const { version, told } = bed();
    await version.open(at(7));
    await version.met(newer);
    await version.open(at(9));
    await version.met(newer);
    version.left();
    expect(told.at(-1)).toBeUndefined();
  });
});

it("a state that newer entries have made is not opened", async () => {
  const { version } = bed(ENTRY_VERSION + 1);
  const opened = version.open(at(1));
  await expect(opened).rejects.toThrow(RoleRefusedError);
  await expect(opened).rejects.toMatchObject({ isForGood: true });
});
