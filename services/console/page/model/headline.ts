/** The first sentence of the page: is any user hurt, where, and since when. */
import type { ClusterView, Finding } from "../../../protocol/cluster/view.ts";
import { listed, plural } from "./format.ts";

export interface Headline {
  readonly level: ClusterView["level"];
  readonly text: string;
  /** Of the oldest finding of that severity. */
  readonly since: number | undefined;
}

export function headlineOf(view: ClusterView): Headline {
  const hurt = view.findings.filter(({ severity }) => severity === "hurt");
  const risks = view.findings.filter(({ severity }) => severity === "risk");
  if (hurt.length > 0) return { level: "hurt", text: hurtText(hurt), since: oldest(hurt) };
  if (risks.length > 0) {
    const text = `No user is hurt. ${plural(risks.length, "risk")}${where(risks)}.`;
    return { level: "risk", text, since: oldest(risks) };
  }
  return { level: "ok", text: "No user is hurt, and nothing is at risk.", since: undefined };
}

function hurtText(hurt: readonly Finding[]): string {
  const place = where(hurt);
  return `Users are hurt${place === "" ? "" : place}: ${hurt[0]!.what.replace(/[.]$/, "")}.`;
}

function where(findings: readonly Finding[]): string {
  const regions = [...new Set(findings.flatMap(({ region }) => region ?? []))].sort();
  return regions.length === 0 ? "" : ` in ${listed(regions)}`;
}

function oldest(findings: readonly Finding[]): number {
  return Math.min(...findings.map(({ since }) => since));
}

export const SEVERITY_WORDS: Readonly<Record<Finding["severity"], string>> = {
  hurt: "Hurt",
  risk: "Risk",
  note: "Note",
};
