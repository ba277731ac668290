/** The list of what operators are promised finds what is missing, and what stays 0. */
import { describe, expect, it } from "vitest";
import { missingSignals, SIGNALS } from "../../observability/signals.ts";

const sample = (name: string, value: number, labels: { [label: string]: string } = {}) => ({
  name,
  labels,
  value,
});

describe("the list of signals", () => {
  it("finds one that is not told, one with other labels, and one that is 0 after a load", () => {
    const wanted = [
      { signal: "a", name: "a" },
      { signal: "b", name: "b", labels: { origin: "eu" } },
      { signal: "c", name: "c", isAboveZero: true },
      { signal: "d", name: "d", isAboveZero: true },
    ] as const;
    const samples = [sample("b", 1, { origin: "us" }), sample("c", 0), sample("d", 0), sample("d", 2)];
    expect(missingSignals(samples, wanted)).toEqual(["a (a)", "b (b)", "c (c)"]);
  });

  it("names each signal once", () => {
    expect(new Set(SIGNALS.map(({ signal }) => signal)).size).toBe(SIGNALS.length);
  });
});
