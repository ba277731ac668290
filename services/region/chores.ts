/** What a region does again and again besides its roles: lets partitions follow schemas, forgets and trims. */
import type { GatewayService } from "../gateway/gateway-service.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { repeatChore, type ChoreOptions } from "./chore.ts";
import { forgetOldConflicts } from "./conflict-janitor.ts";
import { Trimmer, type TrimmerOptions } from "./trim/trimmer.ts";

const FOLLOW_UP_EVERY_MS = 5_000;
const FOLLOW_UP_DEADLINE_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
const FORGET_CONFLICTS_EVERY_MS = 60_000;

interface ChoreParts extends Pick<ChoreOptions, "clock" | "random" | "logger"> {
  readonly config: RegionConfig;
}

/** Of each process that runs a gateway. */
export function gatewayChores(
  parts: ChoreParts & { readonly service: Pick<GatewayService, "followUpSchemas" | "sweep"> },
  stop: AbortSignal,
): Promise<void>[] {
  const { service } = parts;
  const followUp = {
    name: "let partitions follow the schemas that they lack",
    everyMs: FOLLOW_UP_EVERY_MS,
    work: () => service.followUpSchemas(FOLLOW_UP_DEADLINE_MS),
  };
  const sweep = { name: "forget what has expired", everyMs: SWEEP_EVERY_MS, work: () => service.sweep(stop) };
  return [followUp, sweep].map((chore) => repeatChore({ ...parts, ...chore }, stop));
}

interface ApplierChoreParts extends ChoreParts, Pick<TrimmerOptions, "log" | "breakers"> {
  readonly store: RegionStore;
  readonly roleStore: RegionStore;
  readonly trimMetrics: TrimmerOptions["metrics"];
}

/** Of each process that may be an applier. */
export function applierChores(parts: ApplierChoreParts, stop: AbortSignal): Promise<void>[] {
  return [forgetConflicts(parts, stop), trim(parts, stop)];
}

function forgetConflicts({ config, ...parts }: ApplierChoreParts, stop: AbortSignal): Promise<void> {
  const { topology, conflicts } = config;
  const options = { ...parts, ...conflicts, partitions: topology.partitions };
  const work = () => forgetOldConflicts(options, stop);
  return repeatChore(
    { ...parts, name: "forget old conflicts", everyMs: FORGET_CONFLICTS_EVERY_MS, work },
    stop,
  );
}

function trim(
  { config, roleStore, trimMetrics, ...parts }: ApplierChoreParts,
  stop: AbortSignal,
): Promise<void> {
  const { region, topology, trim: settings } = config;
  const about = { region, partitions: topology.partitions, settings, metrics: trimMetrics };
  const trimmer = new Trimmer({ ...parts, ...about, store: roleStore });
  const chore = { name: "trim what every region has", everyMs: settings.everyMs };
  return repeatChore({ ...parts, ...chore, work: () => trimmer.trim(stop) }, stop);
}
