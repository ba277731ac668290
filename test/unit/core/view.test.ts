import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { initialPartitionState, type FoldSlice } from "../../../services/core/fold/state.ts";
import { canonicalJson } from "../../../services/core/json.ts";
import { showFields } from "../../../services/core/record.ts";
import { viewFields } from "../../../services/core/view.ts";
import { checkProperty } from "../property.ts";
import { anyChange, buildLog, KEYS, steps } from "./histories.ts";

const EMPTY_SLICE: FoldSlice = { records: new Map(), operations: new Map() };

describe("view = committed ⊕ pending", () => {
  it("shows what the log will say if it orders the region's pending operations next", () => {
    checkProperty(
      fc.property(steps(anyChange), fc.nat({ max: 12 }), (history, pendingMax) => {
        // The tail of the log that is the region's own, and nothing but its own, is what it had pending before.
        const log = buildLog(
          history.map((step) => ({ ...step, repeats: false })),
          { noise: false },
        );
        const { region, folded, pending } = split(log, pendingMax);
        const before = foldEntries({ state: initialPartitionState(0), slice: EMPTY_SLICE, entries: folded });
        const after = foldEntries({
          state: before.state,
          slice: { ...EMPTY_SLICE, records: before.records },
          entries: pending,
        });
        for (const key of KEYS) {
          const id = `default\nthings\n${key}`;
          const operations = pending.flatMap(({ entry }) =>
            entry.kind === "batch" ? entry.operations.map(({ operation }) => operation) : [],
          );
          const own = operations.filter((operation) => operation.key === key);
          const view = viewFields({
            committed: before.records.get(id)?.fields,
            pending: own,
            origin: region,
          });
          const committed = (after.records.get(id) ?? before.records.get(id))?.fields;
          expect(canonicalJson(showFields(view ?? {}))).toBe(canonicalJson(showFields(committed ?? {})));
        }
      }),
      { runs: 500 },
    );
  });
});

type Log = ReturnType<typeof buildLog>;

function split(log: Log, pendingMax: number): { region: string; folded: Log; pending: Log } {
  const last = log.at(-1)!.entry;
  const region = last.kind === "batch" ? last.origin : "eu";
  let start = log.length;
  while (start > 1 && log.length - start < pendingMax) {
    const { entry } = log[start - 1]!;
    if (entry.kind !== "batch" || entry.origin !== region) break;
    start -= 1;
  }
  return { region, folded: log.slice(0, start), pending: log.slice(start) };
}
