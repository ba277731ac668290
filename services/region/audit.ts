/** The audit trail as a region process has it: over the connections of requests, and watched by the other regions. */
import { AuditWitness, type AuditWitnessOptions } from "../gateway/audit/witness.ts";
import type { Random } from "../ports/clock.ts";
import { Auditor, type AuditorOptions } from "../runtime/auditor.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { repeatChore } from "./chore.ts";

const LOOK_EVERY_MS = 5_000;

export interface RegionAuditOptions extends Omit<AuditWitnessOptions, "region" | "store"> {
  readonly config: Pick<RegionConfig, "region" | "roles">;
  readonly store: AuditorOptions["store"] & AuditWitnessOptions["store"];
  readonly random: Random;
}

/** Looks at other regions' trails, and serves its own, until `stop` is aborted. */
export function startAudit(options: RegionAuditOptions, stop: AbortSignal): Auditor {
  const { region, roles } = options.config;
  if (roles.includes("gateway")) {
    const witness = new AuditWitness({ ...options, region });
    stop.addEventListener("abort", witness.serve());
    const chore = { name: "see where audit trails of other regions end", everyMs: LOOK_EVERY_MS };
    void repeatChore({ ...options, ...chore, work: () => witness.look() }, stop);
  }
  return new Auditor(options);
}
