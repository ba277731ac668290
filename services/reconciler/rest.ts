/** Names of what the fold keeps besides records, as operators see them. */
import type { RestDigests } from "../ports/partition-snapshot.ts";

/** By name, in their order. */
export function ownRest({ state, operations, origins, collections }: RestDigests): [string, string][] {
  const entries: [string, string][] = [
    ["state", state],
    ["operations", `${operations.count}:${operations.hash}`],
    ...Object.entries(origins).map(([region, digest]): [string, string] => [`origin ${region}`, digest]),
    ...Object.entries(collections).map(([id, digest]): [string, string] => [
      `collection ${id.replace("\n", "/")}`,
      digest,
    ]),
  ];
  return entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Regions that say of one of these names otherwise than more than half of all members do. */
export function outvotedRegions(
  told: readonly { readonly region: string; readonly entries: readonly (readonly [string, string])[] }[],
  { names, members }: { readonly names: readonly string[]; readonly members: number },
): string[] {
  const byRegion = told.map(({ region, entries }) => ({ region, digests: new Map(entries) }));
  const isOutvoted = (digests: ReadonlyMap<string, string>, name: string) => {
    const others = byRegion
      .map((one) => one.digests.get(name))
      .filter((other) => other !== digests.get(name));
    return [...new Set(others)].some((other) => others.filter((each) => each === other).length > members / 2);
  };
  return byRegion
    .filter(({ digests }) => names.some((name) => isOutvoted(digests, name)))
    .map(({ region }) => region);
}

/** Names of which not all regions say the same. */
export function differingRest(told: readonly (readonly (readonly [string, string])[])[]): string[] {
  const byRegion = told.map((entries) => new Map(entries));
  const names = new Set(byRegion.flatMap((entries) => [...entries.keys()]));
  const differs = (name: string) => new Set(byRegion.map((entries) => entries.get(name))).size > 1;
  return [...names].filter(differs).toSorted();
}
