/** Versions of server binaries: three numbers, compared in order. */

export type Version = readonly [major: number, minor: number, patch: number];

/** The first dotted number in a text such as `nats-server: v2.15.1`, or undefined. */
export function findVersion(text: string): Version | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Negative when one is older than other, zero when equal, positive when newer. */
export function compareVersions(one: Version, other: Version): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

export function formatVersion(version: Version): string {
  return version.join(".");
}
