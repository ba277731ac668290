/** `forebay conflicts`: what lost to another write, and the way back for it. */
import type { Command } from "commander";
import type { WriteAnswer } from "../../protocol/http/answers.ts";
import type { ConflictAnswer, ConflictListAnswer } from "../../protocol/http/conflicts.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";
import { changeHeadersOf, formatReceipt, type ChangeOptions } from "./put.ts";

const CONFLICTS_PATH = `${API_PREFIX}/conflicts`;
/** Longer values are cut in the table; `--json` has all of them. */
const VALUE_LENGTH_MAX = 40;

interface ListOptions extends CommonOptions {
  readonly collection?: string;
  readonly key?: string;
  readonly field?: string;
  readonly reason?: string;
  readonly loser?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly json?: boolean;
}

export function addConflictsCommand(program: Command): void {
  const conflicts = program.command("conflicts").description("changes that lost to another write");
  addList(conflicts);
  addRestore(conflicts);
}

function addList(conflicts: Command): void {
  withCommonOptions(conflicts.command("list", { isDefault: true }))
    .description("list them, newest first; they are the same in every region")
    .option("--collection <name>", "of a collection")
    .option("--key <key>", "of one of its records")
    .option("--field <name>", "of a field")
    .option("--reason <reason>", "older, concurrent, overflow, full, kind, deleted or insufficient")
    .option("--loser <region>", "of changes that came through a region")
    .option("--limit <count>", "at most so many")
    .option("--cursor <cursor>", "go on where the list before has ended")
    .option("--json", "print the region's answer")
    .action(async (options: ListOptions) => {
      const { body } = await callApi(findRegion(options), { path: listPath(options) });
      const text =
        options.json === true ? JSON.stringify(body, null, 2) : formatConflicts(body as ConflictListAnswer);
      process.stdout.write(`${text}\n`);
    });
}

function addRestore(conflicts: Command): void {
  withCommonOptions(conflicts.command("restore <id>"))
    .description("write the loser of a conflict again")
    .option("--idempotency-key <key>", "names the request, so that sending it again does nothing more")
    .option("--wait", "wait until the log has ordered the write")
    .action(async (id: string, options: CommonOptions & ChangeOptions) => {
      const path = `${CONFLICTS_PATH}/${encodeURIComponent(id)}/restore`;
      const headers = changeHeadersOf(options);
      const { body } = await callApi(findRegion(options), { method: "POST", path, headers });
      process.stdout.write(`${formatReceipt(body as WriteAnswer)}\n`);
    });
}

function listPath({ collection, key, field, reason, loser, limit, cursor }: ListOptions): string {
  const parameters = { collection, key, field, reason, region: loser, limit, cursor };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, value);
  }
  return query.size === 0 ? CONFLICTS_PATH : `${CONFLICTS_PATH}?${query.toString()}`;
}

export function formatConflicts({ conflicts, next_cursor: cursor }: ConflictListAnswer): string {
  if (conflicts.length === 0) return "no conflicts";
  const table = formatTable(
    ["id", "when", "record", "field", "reason", "lost", "stands"],
    conflicts.map(rowOf),
  );
  return cursor === undefined ? table : `${table}\nthere are more: --cursor ${cursor}`;
}

function rowOf(conflict: ConflictAnswer): readonly string[] {
  const { id, log_time_ms: atMs, collection, key, field, entry, reason, loser, winner } = conflict;
  return [
    id,
    new Date(atMs).toISOString(),
    `${collection}/${key}`,
    entry === undefined ? field : `${field}.${entry}`,
    reason,
    `${loser.region}: ${loser.operator ?? "?"} ${valueOf(loser.value)}`,
    `${winner.region}: ${valueOf(winner.value)}`,
  ];
}

function valueOf(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text;
}
