/** What an operator should know, worst first: who is hurt or would be by the next fault, why, and what to do first. */
import type { Finding } from "../../protocol/cluster/view.ts";
import { clusterFindings } from "./cluster-findings.ts";
import { dataFindings } from "./data-findings.ts";
import { regionFindings } from "./region-findings.ts";
import type { Situation } from "./situation.ts";

/** Without since when. */
export type Found = Omit<Finding, "since"> & { readonly since?: number };

const FINDINGS_MAX = 200;
const RANK: { readonly [severity in Finding["severity"]]: number } = { hurt: 0, risk: 1, note: 2 };

/** @param sinceOf since when a finding of this id is there. */
export function findAll(situation: Situation, sinceOf: (id: string) => number): Finding[] {
  const found = [...clusterFindings(situation), ...regionFindings(situation), ...dataFindings(situation)];
  return found
    .map((finding) => ({ ...finding, since: finding.since ?? sinceOf(finding.id) }))
    .toSorted(compare)
    .slice(0, FINDINGS_MAX);
}

export function levelOf(findings: readonly Finding[]): "ok" | "risk" | "hurt" {
  const worst = findings[0]?.severity ?? "note";
  return worst === "note" ? "ok" : worst;
}

function compare(one: Finding, other: Finding): number {
  return RANK[one.severity] - RANK[other.severity] || one.since - other.since || (one.id < other.id ? -1 : 1);
}
