/** What a collection's records are to SQL: the columns of its view, in types that hold every value that a field shows. */
import type { JsonValue } from "../json.ts";
import {
  defaultOf,
  kindOfField,
  valueTypeOf,
  type CollectionSchema,
  type FieldDefinition,
} from "../schema.ts";

export type SqlType = "text" | "bigint" | "double precision" | "boolean" | "jsonb";

export interface SqlColumn {
  /** The field's name. Names of fields begin with a letter, those of the columns below with an underscore. */
  readonly name: string;
  readonly type: SqlType;
  /** What is shown where nothing is set. */
  readonly default: JsonValue | undefined;
}

/** Columns of every view, before those of the fields. */
export const META_COLUMNS = {
  key: "_key",
  /** Key, collection and tenant in one text: finds a record by the index. */
  id: "_id",
  version: "_version",
  partition: "_partition",
} as const;

/** In the order that the schema has its fields in; deprecated ones among them. */
export function sqlColumns(schema: CollectionSchema): SqlColumn[] {
  return Object.entries(schema.fields).map(([name, definition]) => ({
    name,
    type: sqlType(definition),
    default: defaultOf(definition),
  }));
}

function sqlType(definition: FieldDefinition): SqlType {
  const kind = kindOfField(definition);
  // An array of elements or values, an object of entries.
  if (kind === "set" || kind === "map" || kind === "register") return "jsonb";
  switch (valueTypeOf(definition)) {
    case "string":
      return "text";
    case "integer":
      return "bigint";
    case "number":
      return "double precision";
    case "boolean":
      return "boolean";
    case "json":
      return "jsonb";
  }
}
