/** What a comparison says, and what it rests on: damage only where two regions differed at one and the same position. */

/** Why a region could not be compared. */
export interface RegionProblem {
  readonly kind: "unreachable" | "schema-mismatch";
  readonly text: string;
}

export interface Compared {
  readonly region: string;
  readonly problem: RegionProblem | undefined;
  readonly rows: number | undefined;
}

export interface Found {
  /** Records that differ. */
  readonly records: number;
  /** What else does. */
  readonly rest: readonly string[];
  /** Regions that differ in it from what most members say. */
  readonly outvoted: readonly string[];
  /** Rows that are the same, but are stored as different texts. */
  readonly sameInOtherWords: number;
}

export interface Judgement {
  readonly verdict: "match" | "diverged" | "unreachable" | "schema-mismatch";
  readonly reason: string;
}

export function judge(regions: readonly Compared[], position: number | undefined, found: Found): Judgement {
  const compared = regions.filter(({ problem }) => problem === undefined);
  const problems = regions.flatMap(({ region, problem }) => (problem ? [{ region, ...problem }] : []));
  const isDiverged = compared.length > 1 && (found.records > 0 || found.rest.length > 0);
  const missing = problems.map(({ region, text }) => `${region} ${text}`).join("; ");
  const names = compared.map(({ region }) => region).join(", ");
  const place = `at position ${position ?? "?"}`;
  if (isDiverged) {
    const what = `${names} do not hold the same ${place}: ${describeFound(found)}`;
    const parts = [what, describeRemedy(found), missing];
    return { verdict: "diverged", reason: parts.filter((part) => part !== "").join("; ") };
  }
  const same = compared.length > 1 ? `${names} hold the same ${place}` : "";
  if (problems.length > 0 || compared.length === 0) {
    const parts = [missing === "" ? "nobody could be compared" : missing, same];
    const verdict = problems.some(({ kind }) => kind === "schema-mismatch")
      ? "schema-mismatch"
      : "unreachable";
    return { verdict, reason: parts.filter((part) => part !== "").join("; ") };
  }
  const rows = `${compared[0]!.rows ?? 0} records`;
  const words = found.sameInOtherWords > 0 ? `, ${found.sameInOtherWords} of them stored as other texts` : "";
  return { verdict: "match", reason: `${names} hold the same ${place}: ${rows}${words}` };
}

function describeFound({ records, rest }: Found): string {
  const parts = records > 0 ? [`${records} ${records === 1 ? "record differs" : "records differ"}`] : [];
  if (rest.length > 0) parts.push(`so do ${rest.slice(0, 5).join(", ")}${rest.length > 5 ? ", …" : ""}`);
  return parts.join("; ");
}

/** Repairs set records alone. What else is folded comes right only with all of the state. */
function describeRemedy({ rest, outvoted }: Found): string {
  if (rest.length === 0) return "";
  const who =
    outvoted.length > 0
      ? `${outvoted.join(", ")} ${outvoted.length === 1 ? "says" : "say"} otherwise than most, and should`
      : "no majority says whose is right: the region that is wrong should";
  return `no repair sets what is no record: ${who} load the state of another region (forebay region rejoin)`;
}
