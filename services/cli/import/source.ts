/** Opens what is imported, by its name. */
import { UsageError } from "../errors.ts";
import { openCsv } from "./csv.ts";
import { InputFile } from "./file.ts";
import { openNdjson } from "./ndjson.ts";
import { openPostgres } from "./postgres.ts";
import type { Source } from "./row.ts";

export const FORMATS = ["csv", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

export interface SourceOptions {
  readonly from: string;
  readonly format?: string | undefined;
  readonly delimiter?: string | undefined;
  readonly table?: string | undefined;
  readonly key?: string | undefined;
}

/** @throws {UsageError | CommandError} */
export async function openSource(options: SourceOptions): Promise<Source> {
  const { from, table, key } = options;
  if (isPostgresUrl(from)) {
    if (table === undefined) throw new UsageError("say with --table which table is imported");
    return openPostgres(from, { table, key });
  }
  if (table !== undefined) throw new UsageError("--table goes with a postgres:// address in --from");
  const format = formatOf(from, options.format);
  const file = await InputFile.open(from);
  return format === "csv" ? openCsv(file, { delimiter: options.delimiter ?? "," }) : openNdjson(file);
}

export function isPostgresUrl(from: string): boolean {
  return /^postgres(ql)?:\/\//.test(from);
}

/** By its ending, where nobody says it. @throws {UsageError} */
export function formatOf(path: string, given: string | undefined): Format {
  if (given !== undefined) {
    const format = FORMATS.find((one) => one === given);
    if (format === undefined) throw new UsageError(`--format is ${FORMATS.join(" or ")}, not "${given}"`);
    return format;
  }
  const ending = /\.(csv|ndjson|jsonl)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === "csv") return "csv";
  if (ending !== undefined) return "ndjson";
  throw new UsageError(`what ${path} holds its name does not tell: give --format csv or --format ndjson`);
}
