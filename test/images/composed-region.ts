/** What a region's processes of the composition are told, as they take it. */
import { readConfig, type RegionConfig } from "../../services/runtime/config.ts";
import type { Composition } from "./compose-rules.ts";
import { layOut, mountsOf } from "./composition-mounts.ts";

export interface Place {
  /** With what was prepared. */
  readonly prepared: string;
  /** Gets what is mounted. */
  readonly root: string;
}

/** @throws {InvalidConfigError} they could not start. */
export function composedConfig(composition: Composition, region: string, place: Place): RegionConfig {
  const name = `region-${region}`;
  const { outside } = layOut(mountsOf(composition, name), place.prepared, place.root);
  const told = Object.entries(composition.services[name]?.environment ?? {});
  return readConfig(Object.fromEntries(told.map(([variable, text]) => [variable, outside(text)])));
}
