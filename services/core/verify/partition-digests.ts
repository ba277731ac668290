/** Digests of what the fold of a partition keeps besides its records, by name, so that a difference says where it is. */
import type { PartitionState } from "../fold/state.ts";
import { sha256 } from "../hash.ts";
import { canonicalJson } from "../json.ts";

export interface PartitionDigests {
  /** Position, log time, stamp, chain and members. */
  readonly state: string;
  /** By region: watermark, epoch, chain, stamp, and what its last tick said. */
  readonly origins: { readonly [region: string]: string };
  /** By `tenant\nname`: version and schema, with the order of its fields, which decides what is told of a rejected write. */
  readonly collections: { readonly [id: string]: string };
}

export function digestPartition(state: PartitionState): PartitionDigests {
  const { origins, collections, ...rest } = state;
  return {
    state: sha256(canonicalJson(rest)),
    origins: mapValues(origins, (origin) => sha256(canonicalJson(origin))),
    collections: mapValues(collections, ({ version, schema }) => sha256(JSON.stringify([version, schema]))),
  };
}

function mapValues<Value>(
  object: { readonly [name: string]: Value },
  of: (value: Value) => string,
): { [name: string]: string } {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, of(value)]));
}
