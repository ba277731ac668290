import { describe, expect, it } from "vitest";
import { chooseDonor, type Offer } from "../../../services/core/bootstrap/donors.ts";
import { nextStep, type BootstrapPlace } from "../../../services/core/bootstrap/next-step.ts";

const LOG = { createdAtMs: 7, firstPosition: 100 };

function offer(region: string, given: Partial<Offer> = {}): Offer {
  return { region, position: 150, logCreatedAtMs: 7, refusal: undefined, ...given };
}

function choose(offers: readonly Offer[], failures: Record<string, number> = {}) {
  return chooseDonor(offers, { log: LOG, failures: new Map(Object.entries(failures)) });
}

describe("the region to load from", () => {
  it("is the furthest of those that fit", () => {
    const offers = [offer("eu"), offer("us", { position: 151 }), offer("sa", { position: 99 })];
    expect(choose(offers).donor?.region).toBe("us");
    expect(choose(offers.slice(2)).donor?.region).toBe("sa");
  });

  it("is another than the one that has failed, as long as there is one", () => {
    const offers = [offer("eu"), offer("us", { position: 200 })];
    expect(choose(offers, { us: 1 }).donor?.region).toBe("eu");
    expect(choose(offers, { us: 1, eu: 2 }).donor?.region).toBe("us");
  });

  it("is none of another log, behind the log's beginning, or that refuses; the reason names each", () => {
    const { donor, reason } = choose([
      offer("eu", { logCreatedAtMs: 8 }),
      offer("us", { position: 98 }),
      offer("sa", { refusal: "has 2 transfers under way" }),
      offer("af", { position: 0, logCreatedAtMs: undefined }),
    ]);
    expect(donor).toBeUndefined();
    expect(reason).toBe(
      "eu has folded another log, made at 8, and not at 7; us has folded up to 98, and the log begins at 100; " +
        "sa has 2 transfers under way; af has folded another log, made at no time, and not at 7",
    );
    expect(choose([]).reason).toBe("no other region answers");
  });
});

describe("what a bootstrap needs next", () => {
  const [ONE, TWO] = ["one", "two"];
  const cases: readonly (readonly [
    BootstrapPlace["stage"],
    string | undefined,
    string | undefined,
    string,
  ])[] = [
    ["ordered", undefined, undefined, "seek"],
    ["ordered", undefined, ONE, "announce"],
    ["announced", undefined, ONE, "begin"],
    ["announced", undefined, undefined, "withdraw"],
    ["clearing", ONE, ONE, "clear"],
    ["clearing", ONE, TWO, "begin"],
    ["clearing", ONE, undefined, "seek"],
    ["loading", ONE, ONE, "load"],
    ["loading", ONE, TWO, "begin"],
    ["loading", ONE, undefined, "seek"],
    ["folding", ONE, undefined, "fold"],
    ["verifying", ONE, TWO, "fold"],
  ];
  it.each(cases)("%s, with %s noted and %s at hand: %s", (...[stage, snapshot, held, step]) => {
    expect(nextStep({ stage, snapshot }, held)).toBe(step);
  });
});
