/** `forebay import`: rows of a file or of a table into a collection. */
import { basename, join } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { planWrite } from "../../core/accept/write.ts";
import { RefusedWriteError } from "../../core/accept/refused-write.ts";
import type { CollectionSchema } from "../../core/schema.ts";
import { onStopSignal } from "../../../infra/local/stop-signals.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { collect, withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError, EXIT_FAILED } from "../errors.ts";
import { importIdOf } from "../import/lanes.ts";
import { describeTarget, Mapping, type MappingOptions } from "../import/mapping.ts";
import { ImportPace } from "../import/pace.ts";
import { readSchema } from "../import/read-schema.ts";
import { RejectsFile } from "../import/rejects.ts";
import { RowError, type Source } from "../import/row.ts";
import { ImportRun, type Counts } from "../import/run.ts";
import { Sender } from "../import/sender.ts";
import { formatOf, isPostgresUrl, openSource, type SourceOptions } from "../import/source.ts";
import { readState } from "../import/state-file.ts";
import { withProgress, type Progress } from "../progress.ts";

type ImportOptions = CommonOptions &
  SourceOptions &
  MappingOptions & {
    readonly id?: string;
    readonly dryRun?: boolean;
    readonly resume?: boolean;
    readonly rejects?: string;
    readonly state?: string;
    readonly concurrency: number;
  };

const CONCURRENCY_DEFAULT = 4;
const CONCURRENCY_MAX = 64;
const EXIT_INTERRUPTED = 130;
/** Reasons of a dry run that are shown. */
const SHOWN_MAX = 10;

const IMPORT_HELP = `
Every row is a write of its own, under an id that its place in the source gives: the same command again, after whatever has
happened, takes nothing twice, within a day. --resume also saves sending again what was taken. Rows of a table that have changed
since are rejected for that day: --id NAME makes it another import, which takes all rows anew, so that counters count again.

Columns go into fields of the same name (display_name is displayName), with the operator that makes a new record's field the value:
set, inc for counters, add for sets, put for maps, raise and lower, give for escrows. --map says otherwise.

  forebay import users --from users.csv --key email
  forebay import orders --from postgres://app@db/shop --table public.orders --map total_pence=total
  forebay import sales --from sales.csv.gz --key-template '<invoice>/<#>' --map quantity=sold:inc

Rows that are refused are written to a file of their own with line and reason; mended, it can be imported.`;

export function addImportCommand(program: Command): void {
  withCommonOptions(program.command("import <collection>"))
    .description("write rows of a CSV or NDJSON file, or of a PostgreSQL table, into a collection")
    .requiredOption("--from <source>", "FILE.csv, FILE.ndjson (also .gz), or postgres://…")
    .option("--table <name>", "of a database: the table")
    .option("--format <format>", "csv or ndjson, where the file's name does not tell")
    .option("--delimiter <character>", "between values of CSV (default: a comma)")
    .option(
      "--key <column>",
      "the column that names a record (default: _key, key or id; of a table its primary key)",
    )
    .option(
      "--key-template <template>",
      "a key of several columns, such as '<country>/<city>'; <#> is the row's number",
    )
    .option(
      "--map <column=field[:operator]>",
      "where a column goes; with one of these, others go nowhere",
      collect,
    )
    .option("--concurrency <requests>", "at once", positiveInteger, CONCURRENCY_DEFAULT)
    .option("--rejects <file>", "where rejected rows go (default: beside the source)")
    .option("--state <file>", "where it is kept how far the import is (default: beside the source)")
    .option("--resume", "go on where an import of this source stopped")
    .option("--id <name>", "names the import, in place of what the source holds")
    .option("--dry-run", "read and check all rows, write nothing")
    .addHelpText("after", IMPORT_HELP)
    .action(importRows);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= CONCURRENCY_MAX) return value;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${CONCURRENCY_MAX}.`);
}

async function importRows(collection: string, options: ImportOptions): Promise<void> {
  const region = findRegion(options);
  const schema = await readSchema(region, collection);
  const source = await openSource(options);
  try {
    const mapping = new Mapping(schema, source, options);
    introduce(mapping);
    if (options.dryRun === true) await dryRun({ source, mapping, schema });
    else await run({ region, collection, source, mapping, options });
  } finally {
    await source.close();
  }
}

function introduce(mapping: Mapping): void {
  if (mapping.targets.length > 0) warn(mapping.targets.map(describeTarget).join(", "));
  const decided = mapping.targets.filter(({ definition }) => definition.class === "authoritative");
  if (decided.length > 0) {
    const fields = decided.map(({ field }) => field).join(", ");
    warn(`${fields}: the log decides on authoritative fields, row by row, which is slower`);
  }
}

async function run(input: {
  region: ClusterRegion;
  collection: string;
  source: Source;
  mapping: Mapping;
  options: ImportOptions;
}): Promise<void> {
  const { region, collection, source, mapping, options } = input;
  const { id: name, key, keyTemplate, map = [], concurrency } = options;
  const identity = name ?? source.identity;
  const id = importIdOf([collection, identity, key ?? null, keyTemplate ?? null, [...map].sort()]);
  const statePath = options.state ?? besideSource(options, collection, "state.json");
  const state = options.resume === true ? stateOf(statePath, id) : undefined;
  const rejectsPath = options.rejects ?? besideSource(options, collection, rejectsEnding(options));
  const rejects = new RejectsFile(rejectsPath, source, state?.rejects_bytes ?? 0);
  const stop = new AbortController();
  const removeListener = onStopSignal(() => stop.abort());
  const pace = new ImportPace(state?.last.number ?? 0);
  try {
    const importing = await withProgress(async (progress) => {
      const sender = new Sender({ region, collection, signal: stop.signal, onWait: waiting(progress) });
      const onProgress = (counts: Counts) => progress.show(pace.line(counts, source.progress));
      const made = new ImportRun({ id, collection, source, mapping, sender, concurrency, rejects, statePath, state, signal: stop.signal, onProgress }); // prettier-ignore
      const isDone = await made.run().catch((error: unknown) => {
        warn(`stopped after ${made.counts.read} rows; the same command with --resume goes on`);
        throw error;
      });
      return { isDone, counts: made.counts };
    });
    report({ ...importing, pace, mapping, rejectsPath, collection });
  } finally {
    removeListener();
  }
}

function stateOf(path: string, id: string) {
  const state = readState(path);
  if (state === undefined) {
    warn(`there is no ${path}: all rows are sent, and those that were taken are recognised`);
    return undefined;
  }
  if (state.import === id) return state;
  throw new CommandError(
    `${path} is of another import: the source or the options have changed since; without --resume all rows are sent`,
  );
}

function besideSource({ from, data, table }: ImportOptions, collection: string, ending: string): string {
  if (isPostgresUrl(from)) return join(data, `import-${collection}-${basename(table ?? "")}.${ending}`);
  return `${from}.${ending}`;
}

function rejectsEnding({ from, format }: ImportOptions): string {
  return `rejects.${isPostgresUrl(from) ? "ndjson" : formatOf(from, format)}`;
}

function waiting(progress: Progress): (reason: string) => void {
  return (reason) => progress.show(`waits: ${reason}`);
}

function report(input: {
  isDone: boolean;
  counts: Counts;
  pace: ImportPace;
  mapping: Mapping;
  rejectsPath: string;
  collection: string;
}): void {
  const { isDone, counts, pace, mapping, rejectsPath, collection } = input;
  const { accepted, replayed, rejected } = counts;
  const before = replayed > 0 ? ` (${replayed} of them had been before)` : "";
  print(`${accepted} rows are in ${collection}${before}, ${pace.summary(counts)}`);
  if (mapping.leftOut.length > 0)
    warn(`columns that are no fields, and were left out: ${mapping.leftOut.join(", ")}`);
  if (rejected > 0) {
    print(`${rejected} rows were rejected: ${rejectsPath} has them with line and reason`);
    process.exitCode = EXIT_FAILED;
  }
  if (isDone) return;
  warn("interrupted; the same command with --resume goes on");
  process.exitCode = EXIT_INTERRUPTED;
}

async function dryRun({
  source,
  mapping,
  schema,
}: {
  source: Source;
  mapping: Mapping;
  schema: CollectionSchema;
}) {
  let [right, wrong] = [0, 0];
  for await (const row of source.rows(undefined)) {
    try {
      planWrite(schema, mapping.toWrite(row).operators);
      right += 1;
    } catch (error) {
      if (!(error instanceof RowError || error instanceof RefusedWriteError)) throw error;
      wrong += 1;
      if (wrong <= SHOWN_MAX) print(`line ${row.line}: ${error.message}`);
    }
  }
  if (mapping.leftOut.length > 0) warn(`columns that are no fields: ${mapping.leftOut.join(", ")}`);
  print(`${right} rows are right, ${wrong} are not; nothing was written`);
  if (wrong > 0) process.exitCode = EXIT_FAILED;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function warn(text: string): void {
  process.stderr.write(`forebay: ${text}\n`);
}
