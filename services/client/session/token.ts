/**
 * What a session token covers, as far as the client can read it. Tokens are signed, so a client can't make one of two; but it
 * can see which of them add nothing to the others, and regions take several at once.
 */

/** By partition for positions of the log, by region and partition for sequences of its WAL. */
export type Coverage = ReadonlyMap<string, number>;

const TOKEN = /^s1\.([0-9a-z:~_-]*)\.[\w-]+$/;
const BASE = 36;

/** undefined where it is of a version that this software does not know. */
export function coverageOf(token: string): Coverage | undefined {
  const payload = TOKEN.exec(token)?.[1];
  if (payload === undefined) return undefined;
  const coverage = new Map<string, number>();
  for (const part of payload.split("~")) {
    const [region, sequences] = part.includes(":") ? (part.split(":") as [string, string]) : ["", part];
    for (const pair of sequences === "" ? [] : sequences.split("_")) {
      const [partition, sequence] = pair.split("-") as [string, string | undefined];
      coverage.set(`${region}/${partition}`, Number.parseInt(sequence ?? "", BASE));
    }
  }
  return [...coverage.values()].some(Number.isNaN) ? undefined : coverage;
}

/** A token, with what it covers: read once, however often it is compared. */
export interface ReadToken {
  readonly token: string;
  readonly coverage: Coverage | undefined;
}

export function readToken(token: string): ReadToken {
  return { token, coverage: coverageOf(token) };
}

/** The fewest tokens, newest first, that cover what all of them do; those that can't be read are all kept. */
export function coveringTokens(known: readonly ReadToken[]): ReadToken[] {
  const missing = new Map<string, number>();
  for (const { coverage } of known)
    for (const [place, sequence] of coverage ?? [])
      missing.set(place, Math.max(missing.get(place) ?? 0, sequence));
  return known.filter(({ coverage }) => {
    if (coverage === undefined) return true;
    const found = [...coverage].filter(([place, sequence]) => missing.get(place) === sequence);
    for (const [place] of found) missing.delete(place);
    return found.length > 0;
  });
}
