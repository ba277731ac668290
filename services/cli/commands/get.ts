/** `forebay get`: one record, as its region shows it. */
import type { Command } from "commander";
import type { RecordAnswer } from "../../protocol/http/answers.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { callApi, recordPath } from "../http.ts";

export function addGetCommand(program: Command): void {
  withCommonOptions(program.command("get <collection> <key>"))
    .description("print a record")
    .action(async (collection: string, key: string, options: CommonOptions) => {
      const path = recordPath(collection, key);
      const { body } = await callApi(findRegion(options), { path });
      process.stdout.write(`${formatRecord(body as RecordAnswer)}\n`);
    });
}

/** Without the session token, which says nothing to people. */
export function formatRecord({ session: _session, ...record }: RecordAnswer): string {
  return JSON.stringify(record, null, 2);
}
