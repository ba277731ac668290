/** Whether a verification proves that the region holds what another one holds. */
import type { Verification } from "../ports/reconciliation.ts";

export interface Proof {
  readonly status: "proven" | "differs" | "open";
  readonly reason: string;
}

/** @param verification that has ended. */
export function proofOf(verification: Verification, region: string): Proof {
  const { verdict, regions, reason = "it has no verdict" } = verification;
  const own = regions.find((compared) => compared.region === region);
  const others = regions.filter((compared) => compared !== own && compared.problem === undefined);
  if (own === undefined)
    return { status: "open", reason: `${region} was not among those that were compared` };
  if (own.problem !== undefined) return { status: "open", reason: `${region} ${own.problem}` };
  if (verdict === "diverged") return { status: "differs", reason };
  if (others.length === 0) return { status: "open", reason };
  return { status: "proven", reason };
}
