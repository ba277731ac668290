/** Which column goes where, and what names a record: from rows to writes. */
import { checkKey } from "../../core/accept/key.ts";
import { OPERATORS, type Operator } from "../../core/fields/kind.ts";
import { own } from "../../core/json.ts";
import { operatorsOfField, type CollectionSchema } from "../../core/schema.ts";
import { UsageError } from "../errors.ts";
import { convert, defaultOperator, type Reading, type Target } from "./convert.ts";
import { RowError, type Source, type SourceRow } from "./row.ts";

/** What an export names keys, so that no field can be called the same. */
export const KEY_COLUMN = "_key";
/** Why a row was rejected, and where it stood: columns of a file of rejects. */
export const REJECT_COLUMN = "_reject";
export const LINE_COLUMN = "_line";
const KEY_NAMES = [KEY_COLUMN, "key", "id"];
const MAPPING = /^(?<column>.+)=(?<field>[a-zA-Z]\w*)(?::(?<operator>[a-z]+))?$/;
/** `<column>` in a template; `<#>` is the number of the row. */
const PLACEHOLDER = /<([^<>]+)>/g;
const NUMBER_PLACEHOLDER = "#";

export interface MappingOptions {
  readonly map?: readonly string[] | undefined;
  readonly key?: string | undefined;
  readonly keyTemplate?: string | undefined;
}

/** The body of a write, with its key. */
export interface RowWrite {
  readonly key: string;
  readonly operators: { readonly [operator: string]: unknown };
}

type MakeKey = (row: SourceRow) => string;

export class Mapping {
  readonly #schema: CollectionSchema;
  readonly #reading: Reading;
  readonly #keyOf: MakeKey;
  /** Where columns go; undefined is a column that goes nowhere. */
  readonly #targets = new Map<string, Target | undefined>();
  readonly #isExplicit: boolean;
  readonly #fieldsByName: ReadonlyMap<string, string>;

  /** @throws {UsageError} what is wrong with the options, and what would be right. */
  constructor(schema: CollectionSchema, source: Source, options: MappingOptions) {
    this.#schema = schema;
    this.#reading = source;
    this.#keyOf = keyMakerOf(source, options);
    const { map = [] } = options;
    this.#isExplicit = map.length > 0;
    this.#fieldsByName = new Map(Object.keys(schema.fields).map((field) => [plainName(field), field]));
    for (const text of map) this.#add(text, source.columns);
    for (const column of source.columns ?? []) this.#targetOf(column);
    if (source.columns !== undefined && this.targets.length === 0) {
      const fields = Object.keys(schema.fields).join(", ");
      throw new UsageError(
        `no column is named like a field; the columns are ${source.columns.join(", ")}, the fields ${fields}: say with --map column=field what goes where`,
      );
    }
  }

  /** Columns that go somewhere. */
  get targets(): readonly (Target & { readonly column: string })[] {
    return [...this.#targets].flatMap(([column, target]) => (target ? [{ column, ...target }] : []));
  }

  /** Columns that were met and go nowhere. */
  get leftOut(): readonly string[] {
    const out = [...this.#targets].filter(
      ([column, target]) => target === undefined && !column.startsWith("_"),
    );
    return out.map(([column]) => column);
  }

  /** @throws {RowError} what is wrong with the row. */
  toWrite(row: SourceRow): RowWrite {
    if (row.broken !== undefined) throw new RowError(row.broken);
    const operators: { [operator: string]: { [field: string]: unknown } } = {};
    for (const [column, value] of Object.entries(row.values)) {
      const target = this.#targetOf(column);
      if (target === undefined) continue;
      const operation = this.#convert(column, target, value);
      if (operation === undefined) continue;
      (operators[operation.operator] ??= {})[target.field] = operation.argument;
    }
    const { unset, ...others } = operators;
    if (Object.keys(operators).length === 0) throw new RowError("the row has no value for any field");
    const key = this.#keyOf(row);
    return { key, operators: unset === undefined ? others : { ...others, unset: Object.keys(unset) } };
  }

  #convert(column: string, target: Target, value: unknown) {
    try {
      return convert(target, value, this.#reading);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      throw new RowError(`column ${column}: ${error.message}`);
    }
  }

  #targetOf(column: string): Target | undefined {
    if (this.#targets.has(column)) return this.#targets.get(column);
    const target = this.#isExplicit ? undefined : this.#likeNamed(column);
    this.#targets.set(column, target);
    return target;
  }

  /** The field of the name, or of the same words written otherwise: display_name is displayName. */
  #likeNamed(column: string): Target | undefined {
    const { fields } = this.#schema;
    const field = own(fields, column) === undefined ? this.#fieldsByName.get(plainName(column)) : column;
    const definition = field === undefined ? undefined : own(fields, field);
    if (field === undefined || definition === undefined || definition.deprecated === true) return undefined;
    return { field, definition, operator: undefined };
  }

  #add(text: string, columns: readonly string[] | undefined): void {
    const { column, field, operator } = MAPPING.exec(text)?.groups ?? {};
    if (column === undefined || field === undefined) {
      throw new UsageError(`--map takes column=field or column=field:operator, not "${text}"`);
    }
    if (columns?.includes(column) === false) {
      throw new UsageError(`there is no column "${column}"; there are ${columns.join(", ")}`);
    }
    const definition = own(this.#schema.fields, field);
    if (definition === undefined) {
      const known = Object.keys(this.#schema.fields).join(", ");
      throw new UsageError(`the collection has no field "${field}"; it has ${known}`);
    }
    const known = operatorsOfField(definition);
    if (operator !== undefined && !known.includes(operator as Operator)) {
      const right = OPERATORS.filter((name) => known.includes(name)).join(" or ");
      throw new UsageError(`field "${field}" takes ${right}, not ${operator}`);
    }
    this.#targets.set(column, { field, definition, operator: operator as Operator | undefined });
  }
}

/** What a mapping does, for people. */
export function describeTarget({ column, field, definition, operator }: Mapping["targets"][number]): string {
  const by = operator ?? defaultOperator(definition);
  return `${column} → ${by} ${field}`;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function keyMakerOf(source: Source, { key, keyTemplate }: MappingOptions): MakeKey {
  if (key !== undefined && keyTemplate !== undefined) {
    throw new UsageError("a key comes from --key or from --key-template, not from both");
  }
  const make = keyTemplate === undefined ? columnKey(source, key) : templateKey(source, keyTemplate);
  return (row) => {
    const text = make(row);
    try {
      checkKey(text);
    } catch (error) {
      throw new RowError(`the key "${text}": ${(error as Error).message}`);
    }
    return text;
  };
}

function columnKey({ columns, keyColumns }: Source, given: string | undefined): MakeKey {
  if (given !== undefined) {
    checkColumn(given, columns);
    return (row) => keyPart(row, given);
  }
  const [only, ...more] = keyColumns;
  if (only !== undefined && more.length === 0) return (row) => keyPart(row, only);
  const known = columns === undefined ? KEY_NAMES : KEY_NAMES.filter((name) => columns.includes(name));
  if (known.length === 0 || more.length > 0) {
    throw new UsageError(
      `say what names a record: --key COLUMN, or --key-template such as '<country>-<city>'; the columns are ${(columns ?? []).join(", ")}`,
    );
  }
  return (row) => keyPart(row, known.find((name) => Object.hasOwn(row.values, name)) ?? known[0]!);
}

function templateKey({ columns }: Source, template: string): MakeKey {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name!);
  if (names.length === 0) {
    throw new UsageError(`--key-template names columns in angle brackets, such as '<country>-<city>'`);
  }
  for (const name of names) if (name !== NUMBER_PLACEHOLDER) checkColumn(name, columns);
  return (row) =>
    template.replaceAll(PLACEHOLDER, (_, name: string) =>
      name === NUMBER_PLACEHOLDER ? String(row.number) : keyPart(row, name),
    );
}

function checkColumn(name: string, columns: readonly string[] | undefined): void {
  if (columns === undefined || columns.includes(name)) return;
  throw new UsageError(`there is no column "${name}"; there are ${columns.join(", ")}`);
}

function keyPart({ values }: SourceRow, column: string): string {
  const value = own(values, column);
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  if (value instanceof Date) return value.toISOString();
  throw new RowError(`the row has no ${column}, of which its key is made`);
}
