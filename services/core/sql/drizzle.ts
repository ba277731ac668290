/** A drizzle-orm file that names the views of collections: what an app queries them by, with their types. */
import { META_COLUMNS, sqlColumns, type SqlType } from "./columns.ts";
import { SHARED_SCHEMA, tenantSchema } from "./names.ts";
import type { Collection } from "../schema.ts";

/** Builder of each type, and what it is called with besides the name. Integers of Forebay are exact in JavaScript. */
const BUILDERS: { readonly [Type in SqlType]: { readonly builder: string; readonly options?: string } } = {
  text: { builder: "text" },
  bigint: { builder: "bigint", options: '{ mode: "number" }' },
  "double precision": { builder: "doublePrecision" },
  boolean: { builder: "boolean" },
  jsonb: { builder: "jsonb" },
};

const META_TYPES = { key: "text", id: "text", version: "bigint", partition: "integer" } as const;
const RESERVED = ["tenant", "shared", "staleness"];

/** @returns TypeScript; the collections are all of the tenant's. */
export function drizzleFile(
  tenant: string,
  collections: readonly Pick<Collection, "name" | "schema">[],
): string {
  const used = new Set<string>(["bigint", "boolean", "integer", "interval", "pgSchema", "text", "timestamp"]);
  const names = new Set<string>(RESERVED);
  const views = collections.map(({ name, schema }) => {
    const columns = sqlColumns(schema).map(({ name: field, type }) => {
      const { builder, options } = BUILDERS[type];
      used.add(builder);
      return `  ${field}: ${builder}(${[JSON.stringify(field), ...(options === undefined ? [] : [options])].join(", ")}),`;
    });
    const lines = [...metaLines(), ...columns].join("\n");
    return `export const ${constantOf(name, names)} = tenant.view(${JSON.stringify(name)}, {\n${lines}\n}).existing();`;
  });
  return `${header(tenant, [...used].toSorted())}\n\n${views.join("\n\n")}\n`;
}

function header(tenant: string, used: readonly string[]): string {
  return `/**
 * Views of collections in a region's database: what the region has committed, of the tenants that the login may read.
 * Made by "forebay schema drizzle"; make it anew when a schema changes. A field that was never set is null; a JSON column
 * holds the array of a set or register, and the object of a map.
 */
import { ${used.join(", ")} } from "drizzle-orm/pg-core";

export const tenant = pgSchema(${JSON.stringify(tenantSchema(tenant))});
export const shared = pgSchema(${JSON.stringify(SHARED_SCHEMA)});

/** How far the region is behind the log, by partition. */
export const staleness = shared.view("staleness", {
  partition: integer("partition").notNull(),
  position: bigint("position", { mode: "number" }).notNull(),
  logTime: timestamp("log_time", { withTimezone: true }).notNull(),
  age: interval("age").notNull(),
  isLoading: boolean("is_loading").notNull(),
}).existing();`;
}

function metaLines(): string[] {
  return Object.entries(META_COLUMNS).map(([what, column]) => {
    const type = META_TYPES[what as keyof typeof META_TYPES];
    const options = type === "bigint" ? ', { mode: "number" }' : "";
    return `  ${column}: ${type}(${JSON.stringify(column)}${options}).notNull(),`;
  });
}

/** A name for the program: `order-lines` is `orderLines`, and no two have the same. */
function constantOf(collection: string, taken: Set<string>): string {
  const plain = collection.replaceAll(/[-_]+([a-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
  let name = KEYWORDS.has(plain) ? `${plain}Records` : plain;
  while (taken.has(name)) name = `${name}_`;
  taken.add(name);
  return name;
}

/** What can't be a constant's name, and what the file imports. */
const KEYWORDS = new Set(
  `arguments await bigint boolean break case catch class const continue debugger default delete do doublePrecision else enum
  eval export extends false finally for function if implements import in instanceof integer interface interval jsonb let new
  null package pgSchema private protected public return static super switch text this throw timestamp true try typeof
  undefined var void while with yield`.split(/\s+/),
);
