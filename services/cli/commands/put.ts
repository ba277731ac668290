/** `forebay put`: writes to a record with any operators. */
import type { Command } from "commander";
import type { WriteAnswer } from "../../protocol/http/answers.ts";
import { findRegion } from "../cluster.ts";
import { collect, withCommonOptions, type CommonOptions } from "../common-options.ts";
import { callApi, recordPath } from "../http.ts";
import { writeBodyOf, type WriteOptions } from "../write-arguments.ts";

/** Of every command that writes. */
export interface ChangeOptions {
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
}

type PutOptions = CommonOptions & WriteOptions & ChangeOptions;

export function addPutCommand(program: Command): void {
  withCommonOptions(program.command("put <collection> <key>"))
    .description("write to a record; values are JSON where they are JSON, and otherwise text")
    .option("--set <field=value>", "write an lww field or a register", collect)
    .option("--unset <field>", "clear an lww field", collect)
    .option("--inc <field=number>", "add to a counter", collect)
    .option("--add <field=element>", "add an element to a set", collect)
    .option("--remove <field=element>", "remove an element from a set", collect)
    .option("--put <field.entry=value>", "write an entry of a map", collect)
    .option("--drop <field.entry>", "remove an entry of a map", collect)
    .option("--raise <field=value>", "raise a max field", collect)
    .option("--lower <field=value>", "lower a min field", collect)
    .option("--give <field=amount>", "add to an escrow", collect)
    .option("--take <field=amount>", "take from an escrow, as far as the region has the rights", collect)
    .option("--json <body>", "the whole body of the write")
    .option("--idempotency-key <key>", "names the request, so that sending it again does nothing more")
    .option("--wait", "wait until the log has ordered the write")
    .action(async (collection: string, key: string, options: PutOptions) => {
      const request = {
        method: "PATCH",
        path: recordPath(collection, key),
        headers: changeHeadersOf(options),
        body: writeBodyOf(options),
      };
      const { body } = await callApi(findRegion(options), request);
      process.stdout.write(`${formatReceipt(body as WriteAnswer)}\n`);
    });
}

export function changeHeadersOf({ idempotencyKey, wait }: ChangeOptions): { [name: string]: string } {
  return {
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    ...(wait === true ? { prefer: "wait=committed" } : {}),
  };
}

/** One line: `committed 0198… by eu at position 0/12`. */
export function formatReceipt(answer: WriteAnswer): string {
  const { status, operation, region, position, lost_fields: lost, replayed } = answer;
  const parts = [`${status} ${operation} by ${region}`];
  if (position !== undefined) parts.push(`at position ${position.partition}/${position.sequence}`);
  if (lost !== undefined) parts.push(`lost: ${lost.join(", ")}`);
  if (replayed === true) parts.push("(replayed)");
  return parts.join(" ");
}
