/** `forebay list`: records of a collection, by their keys or by an indexed field. */
import type { Command } from "commander";
import type { RecordListAnswer } from "../../protocol/http/answers.ts";
import { LIST_LIMIT_MAX } from "../../protocol/http/headers.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { callApi, collectionPath } from "../http.ts";

const LIMIT_DEFAULT = 100;

interface ListOptions extends CommonOptions {
  readonly prefix?: string;
  readonly where?: string;
  readonly order?: string;
  readonly consistency?: string;
  readonly limit: string;
}

export function addListCommand(program: Command): void {
  withCommonOptions(program.command("list <collection>"))
    .description("print records, one JSON object a line: by their keys, or by the values of an indexed field")
    .option("--prefix <text>", "only keys that begin with it")
    .option("--where <conditions>", "as status:eq:paid or age:gte:18,age:lt:65; eq, gt, gte, lt, lte")
    .option("--order <field>", "by the field's values; -field for falling ones")
    .option("--consistency <level>", "local, session or linearizable")
    .option("--limit <count>", "how many at most", String(LIMIT_DEFAULT))
    .action(list);
}

async function list(collection: string, options: ListOptions): Promise<void> {
  const region = findRegion(options);
  let left = limitOf(options.limit);
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(left, LIST_LIMIT_MAX)) });
    for (const name of ["prefix", "where", "order", "consistency"] as const)
      if (options[name] !== undefined) query.set(name, options[name]);
    if (cursor !== undefined) query.set("cursor", cursor);
    const path = `${collectionPath(collection)}/records?${query.toString()}`;
    const { records, next_cursor: next } = (await callApi(region, { path })).body as RecordListAnswer;
    for (const record of records) process.stdout.write(`${JSON.stringify(record)}\n`);
    left -= records.length;
    cursor = next;
  } while (cursor !== undefined && left > 0);
  if (cursor !== undefined)
    process.stderr.write("forebay: there are more; --limit says how many are printed\n");
}

function limitOf(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1) return limit;
  throw new UsageError(`--limit takes a whole number from 1, not "${text}"`);
}
