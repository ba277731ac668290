/**
 * What a bootstrap needs next.
 *
 *   ordered ──held──▶ announced ──▶ clearing ──▶ loading ──▶ folding, verifying
 *      ▲                  │            ▲ another source │
 *      └── nobody has it ─┘            └────────────────┘
 */

export interface BootstrapPlace {
  readonly stage: "ordered" | "announced" | "clearing" | "loading" | "folding" | "verifying";
  /** Of the source that is noted. */
  readonly snapshot: string | undefined;
}

/**
 * seek: a source is needed. withdraw: nothing was cleared yet, and there is no source: the region can be used meanwhile.
 * begin: clear for the source at hand, from the beginning.
 */
export type NextStep = "seek" | "announce" | "withdraw" | "begin" | "clear" | "load" | "fold";

/** @param held snapshot of the source that answers at the moment. */
export function nextStep({ stage, snapshot }: BootstrapPlace, held: string | undefined): NextStep {
  switch (stage) {
    case "ordered":
      return held === undefined ? "seek" : "announce";
    case "announced":
      return held === undefined ? "withdraw" : "begin";
    case "clearing":
    case "loading":
      if (held === undefined) return "seek";
      if (held !== snapshot) return "begin";
      return stage === "clearing" ? "clear" : "load";
    case "folding":
    case "verifying":
      return "fold";
  }
}
