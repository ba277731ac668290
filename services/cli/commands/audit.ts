/** `forebay audit`: what operators have done, and whether the trails that say so were changed. */
import type { Command } from "commander";
import { EMPTY_AUDIT, type AuditHead } from "../../core/audit.ts";
import type { AuditAnswer, AuditHeadAnswer, AuditRowAnswer } from "../../protocol/http/audit.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { readTrail, verifyTrail, type Trail } from "../audit-trail.ts";
import { findRegion, findRegions, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { CommandError, UsageError } from "../errors.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";

const ABOUT_LENGTH_MAX = 80;
const HEAD = /^(\d{1,15}):([0-9a-f]{64})$/;

interface ListOptions extends CommonOptions {
  readonly action?: string;
  readonly since?: number;
  readonly limit?: string;
  readonly cursor?: string;
  readonly json?: boolean;
}

export function addAuditCommand(program: Command): void {
  const audit = program.command("audit").description("what operators have done");
  addList(audit);
  addVerify(audit);
}

function addList(audit: Command): void {
  withCommonOptions(audit.command("list", { isDefault: true }))
    .description("list what was ordered in a region, newest first")
    .option("--action <name>", "of one kind, such as repair or drain")
    .option("--since <duration>", "not older than this, such as 2h", parseDuration)
    .option("--limit <count>", "at most so many rows")
    .option("--cursor <cursor>", "go on where the list before has ended")
    .option("--json", "print the region's answer")
    .action(async (options: ListOptions) => {
      const { body } = await callApi(findRegion(options), { path: listPath(options) });
      const text = options.json === true ? JSON.stringify(body, null, 2) : formatAudit(body as AuditAnswer);
      process.stdout.write(`${text}\n`);
    });
}

function listPath({ action, since, limit, cursor }: ListOptions): string {
  const query = new URLSearchParams();
  if (action !== undefined) query.set("action", action);
  if (since !== undefined) query.set("since_ms", String(Date.now() - since));
  if (limit !== undefined) query.set("limit", limit);
  if (cursor !== undefined) query.set("cursor", cursor);
  const text = query.toString();
  return `${API_PREFIX}/audit${text === "" ? "" : `?${text}`}`;
}

/** One line per act. */
export function formatAudit({ rows, next_cursor: next }: AuditAnswer): string {
  const endings = new Map(rows.filter(({ outcome }) => outcome !== "intent").map((row) => [row.act, row]));
  const shown = new Set<string>();
  const lines = rows.flatMap((row) => {
    if (shown.has(row.act)) return [];
    shown.add(row.act);
    const intent = rows.find(({ act, outcome }) => act === row.act && outcome === "intent");
    return [lineOf(intent ?? row, endings.get(row.act))];
  });
  const headings = ["time", "action", "actor", "from", "outcome", "about"];
  const more = next === undefined ? [] : [`more: --cursor ${next}`];
  if (lines.length === 0) return "nothing was ordered here";
  return [formatTable(headings, lines), ...more].join("\n");
}

function lineOf(row: AuditRowAnswer, ending: AuditRowAnswer | undefined): string[] {
  const { at_ms: atMs, action, actor, address = "", about } = row;
  const time = `${new Date(atMs).toISOString().slice(0, 19)}Z`;
  const told = ending === undefined || ending === row || ending.about === "{}" ? "" : ` → ${ending.about}`;
  const whole = about + told;
  const text = whole.length > ABOUT_LENGTH_MAX ? `${whole.slice(0, ABOUT_LENGTH_MAX - 1)}…` : whole;
  return [time, action, actor, address, ending?.outcome ?? "under way, or cut off", text];
}

interface VerifyOptions extends CommonOptions {
  readonly head?: string;
}

const VERIFY_HELP = `
The chain shows rows that were changed or taken out. That its end is gone, or all of it was made anew, only heads show that are
kept elsewhere: other regions keep those that they see, and GET /v1/audit/head and the log lines "audit" give them to you.
Ends with 1 where anything is wrong or can't be looked at.`;

function addVerify(audit: Command): void {
  withCommonOptions(audit.command("verify"))
    .description("look whether the trail of each region is whole")
    .option("--head <sequence:hash>", "where the trail of --region ended, as it was kept elsewhere")
    .addHelpText("after", VERIFY_HELP)
    .action(async (options: VerifyOptions) => {
      const kept = keptHeadOf(options);
      const all = findRegions(options);
      const heads = await Promise.all(all.map(headOf));
      const isAsked = (region: ClusterRegion) =>
        options.region === undefined || options.url !== undefined || region.name === options.region;
      // Heads first: what is added meanwhile is no contradiction.
      const trails = await Promise.all(heads.filter(({ region }) => isAsked(region)).map(trailOf));
      if (trails.length === 0) findRegion(options);
      const seen = heads.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
      const reports = trails.map((trail) => verifyTrail(trail, { seen, kept }));
      process.stdout.write(`${reports.map(({ text }) => text).join("\n")}\n`);
      if (reports.some(({ isWhole }) => !isWhole)) process.exitCode = 1;
    });
}

/** @throws {UsageError} */
function keptHeadOf({ head, region, url }: VerifyOptions): AuditHead | undefined {
  if (head === undefined) return undefined;
  if (region === undefined && url === undefined)
    throw new UsageError("--head is of one region's trail: say which with --region");
  const match = HEAD.exec(head);
  if (match !== null) return { sequence: Number(match[1]), hash: match[2]! };
  throw new UsageError(`--head is a sequence and a hash, such as 12:${EMPTY_AUDIT.hash}`);
}

interface AskedHead {
  readonly region: ClusterRegion;
  readonly answer: AuditHeadAnswer | undefined;
  readonly problem: string | undefined;
}

async function headOf(region: ClusterRegion): Promise<AskedHead> {
  try {
    const { body } = await callApi(region, { path: `${API_PREFIX}/audit/head` });
    return { region, answer: body as AuditHeadAnswer, problem: undefined };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { region, answer: undefined, problem: error.message };
  }
}

async function trailOf({ region, problem }: AskedHead): Promise<Trail> {
  if (problem !== undefined) return { region: region.name, problem };
  try {
    return await readTrail(region);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { region: region.name, problem: error.message };
  }
}
