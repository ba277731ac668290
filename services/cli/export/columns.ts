/** Fields of records as an import reads them again: flat, and with what can't come back told. */
import { kindOfField, valueTypeOf, type CollectionSchema, type FieldDefinition } from "../../core/schema.ts";
import { own } from "../../core/json.ts";
import { KEY_COLUMN } from "../import/mapping.ts";
import { csvLine } from "./csv-text.ts";

export interface ExportedRecord {
  readonly key: string;
  readonly fields: { readonly [field: string]: unknown };
}

/** What of a record an import can't make again; counted by reason. */
export type Losses = Map<string, number>;

/** Of a register that holds several values the newest one is exported: an import can write one alone. */
function importable(
  definition: FieldDefinition | undefined,
  [field, value]: [string, unknown],
  losses: Losses,
): unknown {
  if (definition === undefined) return value;
  if (definition.deprecated === true) count(losses, `field ${field} is deprecated, and takes no writes`);
  if (kindOfField(definition) !== "register" || !Array.isArray(value)) return value;
  if (value.length > 1) count(losses, `register ${field} holds concurrent values: the newest is exported`);
  return value.at(-1);
}

function count(losses: Losses, reason: string): void {
  losses.set(reason, (losses.get(reason) ?? 0) + 1);
}

export function ndjsonLine(
  schema: CollectionSchema,
  { key, fields }: ExportedRecord,
  losses: Losses,
): string {
  const row: { [column: string]: unknown } = { [KEY_COLUMN]: key };
  for (const [field, value] of Object.entries(fields))
    row[field] = importable(own(schema.fields, field), [field, value], losses);
  if (Object.keys(fields).length === 0)
    count(losses, "the record has no field, and an import makes none of it");
  return `${JSON.stringify(row)}\n`;
}

export function csvHeader(schema: CollectionSchema): string {
  return csvLine([KEY_COLUMN, ...Object.keys(schema.fields)]);
}

export function csvRow(schema: CollectionSchema, { key, fields }: ExportedRecord, losses: Losses): string {
  if (Object.keys(fields).length === 0)
    count(losses, "the record has no field, and an import makes none of it");
  const cells = Object.entries(schema.fields).map(([field, definition]) => {
    if (!Object.hasOwn(fields, field)) return undefined;
    const value = importable(definition, [field, fields[field]], losses);
    const isJson = valueTypeOf(definition) === "json";
    return typeof value === "string" && !isJson ? value : JSON.stringify(value);
  });
  return csvLine([key, ...cells]);
}
