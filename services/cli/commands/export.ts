/** `forebay export`: the records of a collection into a file that an import reads again. */
import { open } from "node:fs/promises";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Command } from "commander";
import type { RecordListAnswer } from "../../protocol/http/answers.ts";
import { CONSISTENCIES, LIST_LIMIT_MAX, SESSION_HEADER } from "../../protocol/http/headers.ts";
import type { CollectionSchema } from "../../core/schema.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { csvHeader, csvRow, ndjsonLine, type Losses } from "../export/columns.ts";
import { callApi, collectionPath } from "../http.ts";
import { readSchema } from "../import/read-schema.ts";
import { formatOf, type Format } from "../import/source.ts";
import { patiently } from "../patience.ts";
import { withProgress } from "../progress.ts";

interface ExportOptions extends CommonOptions {
  readonly to: string;
  readonly format?: string;
  readonly prefix?: string;
  readonly consistency: string;
}

const SHOW_EVERY_MS = 1_000;

const EXPORT_HELP = `
Keys are in column _key. Records are read in the order of their keys, a thousand at a time; each thousand is as the region had it at one
moment, later ones may be later, never earlier. "forebay backup" reads a whole partition at one position.

An import of the file makes the same records again, but for concurrent values of registers, of which the newest is exported, and
deprecated fields. Counters add to what is there: import into a collection that is empty. A field with states begins
at its default: records whose state can't follow that at once are rejected.`;

export function addExportCommand(program: Command): void {
  withCommonOptions(program.command("export <collection>"))
    .description("write the records of a collection into a CSV or NDJSON file")
    .requiredOption("--to <file>", "FILE.csv, FILE.ndjson (also .gz), or - for standard output")
    .option("--format <format>", "csv or ndjson, where the file's name does not tell (default of -: ndjson)")
    .option("--prefix <prefix>", "only records whose keys begin with it")
    .option("--consistency <level>", "of each page: local, session or linearizable", "session")
    .addHelpText("after", EXPORT_HELP)
    .action(exportRecords);
}

async function exportRecords(collection: string, options: ExportOptions): Promise<void> {
  const { to, consistency } = options;
  if (consistency === "bounded" || !(CONSISTENCIES as readonly string[]).includes(consistency)) {
    throw new UsageError(`--consistency is local, session or linearizable, not "${consistency}"`);
  }
  const format = to === "-" ? formatOf("-.ndjson", options.format) : formatOf(to, options.format);
  const region = findRegion(options);
  const schema = await readSchema(region, collection);
  const losses: Losses = new Map();
  const output = await openOutput(to);
  try {
    const records = await writeAll({
      region,
      collection,
      schema,
      format,
      losses,
      output: output.stream,
      options,
    });
    await output.end();
    warn(`${records} records of ${collection} written to ${to === "-" ? "standard output" : to}`);
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw new CommandError(`${to}: ${error.message}`);
    throw error;
  }
  for (const [reason, count] of losses) warn(`${count} records: ${reason}`);
}

async function writeAll(input: {
  region: ClusterRegion;
  collection: string;
  schema: CollectionSchema;
  format: Format;
  losses: Losses;
  output: Writable;
  options: ExportOptions;
}): Promise<number> {
  const { schema, format, losses, output } = input;
  let [written, shownAtMs] = [0, performance.now()];
  return withProgress(async (progress) => {
    if (format === "csv") await write(output, csvHeader(schema));
    for await (const records of pages(input)) {
      const lineOf = format === "csv" ? csvRow : ndjsonLine;
      await write(output, records.map((record) => lineOf(schema, record, losses)).join(""));
      written += records.length;
      if (performance.now() - shownAtMs < SHOW_EVERY_MS) continue;
      shownAtMs = performance.now();
      progress.show(`${written} records`);
    }
    return written;
  });
}

/** With the session of each page for the next, so that none is older, whichever process answers. */
async function* pages(input: { region: ClusterRegion; collection: string; options: ExportOptions }) {
  const { region, collection, options } = input;
  let [cursor, session]: [string | undefined, string | undefined] = [undefined, undefined];
  do {
    const query = new URLSearchParams({
      limit: String(LIST_LIMIT_MAX),
      consistency: options.consistency,
      ...(options.prefix !== undefined && { prefix: options.prefix }),
      ...(cursor !== undefined && { cursor }),
    });
    const headers = session === undefined ? {} : { [SESSION_HEADER]: session };
    const path = `${collectionPath(collection)}/records?${query.toString()}`;
    const page = (await patiently(() => callApi(region, { path, headers }))).body as RecordListAnswer;
    yield page.records;
    [cursor, session] = [page.next_cursor, page.session];
  } while (cursor !== undefined);
}

/** @throws {CommandError} when there is a file of the name, or there can be none. */
async function openOutput(to: string): Promise<{ stream: Writable; end: () => Promise<void> }> {
  if (to === "-") return { stream: process.stdout, end: async () => undefined };
  const handle = await open(to, "wx").catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(
      code === "EEXIST"
        ? `${to} is there already: move it away, or give --to another file`
        : `${to}: ${message}`,
    );
  });
  const file = handle.createWriteStream();
  const stream = to.endsWith(".gz") ? createGzip() : file;
  if (stream !== file) stream.pipe(file);
  let failure: Error | undefined;
  file.on("error", (error) => {
    failure = error;
    stream.destroy(error);
  });
  const end = async () => {
    stream.end();
    if (!file.writableFinished && failure === undefined) await once(file, "finish");
    if (failure !== undefined) throw failure;
  };
  return { stream, end };
}

/** Waits where the other side is slower. */
async function write(output: Writable, text: string): Promise<void> {
  if (output.destroyed && output.errored) throw output.errored;
  if (text !== "" && !output.write(text)) await once(output, "drain");
}

function warn(text: string): void {
  process.stderr.write(`forebay: ${text}\n`);
}
