/** Reads a region's whole audit trail, and looks whether it is whole: by its chain, and by heads that are kept elsewhere. */
import {
  contradictedHead,
  EMPTY_AUDIT,
  findAuditBreak,
  type AuditBreak,
  type AuditHead,
  type AuditRow,
} from "../core/audit.ts";
import type { AuditAnswer, AuditHeadAnswer, AuditRowAnswer } from "../protocol/http/audit.ts";
import { API_PREFIX, LIST_LIMIT_MAX } from "../protocol/http/headers.ts";
import type { ClusterRegion } from "./cluster.ts";
import { callApi } from "./http.ts";

export interface ReadTrail {
  readonly region: string;
  /** Of the rows, in their order. */
  readonly hashes: readonly string[];
  readonly broken: AuditBreak | undefined;
  /** Acts of which nobody knows how they have ended. */
  readonly open: readonly Pick<AuditRow, "sequence" | "action" | "actor">[];
}

/** A trail, or why it could not be read. */
export type Trail = ReadTrail | { readonly region: string; readonly problem: string };

/** Reads up to the first break. @throws {CommandError} */
export async function readTrail(asked: ClusterRegion): Promise<ReadTrail> {
  const hashes: string[] = [];
  const open = new Map<string, AuditRow>();
  let head: AuditHead = EMPTY_AUDIT;
  for (;;) {
    const path = `${API_PREFIX}/audit?after=${head.sequence}&limit=${LIST_LIMIT_MAX}`;
    const { region, rows: answered } = (await callApi(asked, { path })).body as AuditAnswer;
    const rows = answered.map(toRow);
    const broken = findAuditBreak(region, head, rows);
    for (const row of rows) {
      if (broken !== undefined && row.sequence >= broken.sequence) break;
      hashes.push(row.hash);
      if (row.outcome === "intent") open.set(row.act, row);
      else open.delete(row.act);
    }
    const last = rows.at(-1);
    if (broken !== undefined || last === undefined)
      return { region, hashes, broken, open: [...open.values()] };
    head = last;
  }
}

function toRow({ at_ms: atMs, address, ...row }: AuditRowAnswer): AuditRow {
  return { ...row, atMs, address: address ?? null };
}

export interface Elsewhere {
  /** What each region that answers has seen of the others. */
  readonly seen: readonly AuditHeadAnswer[];
  /** What somebody has kept. */
  readonly kept: AuditHead | undefined;
}

export interface TrailReport {
  readonly isWhole: boolean;
  readonly text: string;
}

export function verifyTrail(trail: Trail, { seen, kept }: Elsewhere): TrailReport {
  const { region } = trail;
  if ("problem" in trail) return { isWhole: false, text: `${region}: can't be looked at: ${trail.problem}` };
  const { hashes, broken, open } = trail;
  if (broken !== undefined)
    return { isWhole: false, text: `${region}: broken at row ${broken.sequence}: ${broken.reason}` };
  const witnesses = seen
    .filter((answer) => answer.region !== region)
    .map((answer) => ({ name: answer.region, heads: answer.seen.filter((head) => head.region === region) }));
  const keepers = [...witnesses, { name: "--head", heads: kept === undefined ? [] : [kept] }];
  for (const { name, heads } of keepers) {
    const found = contradictedHead(hashes, heads);
    if (found === undefined) continue;
    return {
      isWhole: false,
      text: `${region}: wrong at row ${found.sequence}: ${found.reason} (kept by ${name})`,
    };
  }
  const keeping = keepers.filter(({ heads }) => heads.length > 0);
  const told = keeping.map(
    ({ name, heads }) => `${name} up to ${Math.max(...heads.map(({ sequence }) => sequence))}`,
  );
  const who = told.length === 0 ? "nobody else has kept a head of it" : `as kept by ${told.join(", ")}`;
  const end = hashes.length === 0 ? "" : `, ends at ${hashes.length}:${hashes.at(-1)}`;
  const cut = open.map(
    ({ sequence, action, actor }) =>
      `  row ${sequence}: ${action} by ${actor} is under way, or was cut off: nobody knows its outcome`,
  );
  return {
    isWhole: true,
    text: [`${region}: ${hashes.length} rows, whole${end}; ${who}`, ...cut].join("\n"),
  };
}
