/**
 * Migrations expand: processes of the release before work on while a database is migrated, and after it. What they read or
 * write is neither dropped nor renamed nor narrowed in the release that stops using it, but in one after (`services/README.md`).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { migrationsFolder } from "../../../../services/adapters/postgres/migrate.ts";

/** Before there was the rule, and before there was a release to survive them. */
const FIRST_WITH_THE_RULE = 14;
/** Names of migrations that take away what no release that may still run uses, and raise `compatibility.least_migrations`. */
const CONTRACTS: readonly string[] = [];

const RULES: readonly (readonly [problem: string, pattern: RegExp])[] = [
  ["drops a table", /\bdrop\s+table\b/i],
  [
    "drops a column",
    /\balter\s+table\b[^;]*\bdrop\s+(?:column\b|(?!constraint|trigger|not|default|expression|identity)\w)/i,
  ],
  ["renames", /\balter\s+(?:table|function|type|schema)\b[^;]*\brename\b/i],
  ["drops a function", /\bdrop\s+(?:function|procedure|view)\b/i],
  [
    "changes a column's type",
    /\balter\s+table\b[^;]*\balter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type\b/i,
  ],
  ["makes a column not null", /\balter\s+table\b[^;]*\bset\s+not\s+null\b/i],
  [
    "adds a column that is not null and has no default",
    /\badd\s+column\b(?![^;,]*\bdefault\b)[^;,]*\bnot\s+null\b/i,
  ],
  [
    "adds a constraint that rows of before are held to at once",
    /\balter\s+table\b[^;]*\badd\s+constraint\b(?![^;]*\bnot\s+valid\b)/i,
  ],
  [
    "takes a lock that lasts as long as an index takes",
    /\bcreate\s+(?:unique\s+)?index\s+(?!concurrently)[^;]*\bon\s+"?(?:records|operations|wal|conflicts|field_keys)"?\s/i,
  ],
];

/** What runs when the migration does: bodies of functions are for later. */
function statementsOf(text: string): string {
  return text
    .replace(/--.*$/gm, "")
    .replace(/\$\$[\s\S]*?\$\$/g, "")
    .replace(/\bbegin atomic[\s\S]*?\bend;/gi, "");
}

function problemsOf(text: string): string[] {
  const statements = statementsOf(text);
  // A table that the same migration makes is nobody's yet.
  const made = [...statements.matchAll(/\bcreate\s+table\s+"?(\w+)"?/gi)].map(([, name]) => name!);
  const others = statements
    .split(";")
    .filter((one) => !made.some((name) => new RegExp(`\\b(?:table|on)\\s+"?${name}"?\\b`, "i").test(one)))
    .map((one) => `${one};`);
  return RULES.filter(([, pattern]) => others.some((one) => pattern.test(one))).map(([problem]) => problem);
}

it("all since the rule only add", () => {
  const files = readdirSync(migrationsFolder()).filter(
    (name) => /^\d{4}_.*\.sql$/.test(name) && Number(name.slice(0, 4)) >= FIRST_WITH_THE_RULE,
  );
  expect(files.length).toBeGreaterThan(0);
  const found = files
    .filter((name) => !CONTRACTS.includes(name))
    .map((name) => [name, problemsOf(readFileSync(join(migrationsFolder(), name), "utf8"))] as const)
    .filter(([, problems]) => problems.length > 0);
  expect(found).toEqual([]);
});

it.each([
  ["alter table roles drop column holder;", "drops a column"],
  ["alter table roles drop holder;", "drops a column"],
  ["drop table drain;", "drops a table"],
  ["alter table roles rename column holder to process;", "renames"],
  ["alter table roles rename to offices;", "renames"],
  ["drop function forebay_append(text);", "drops a function"],
  ["alter table roles alter column epoch type integer;", "changes a column's type"],
  ["alter table roles alter column epoch set data type integer;", "changes a column's type"],
  ["alter table wal alter trace set not null;", "makes a column not null"],
  [
    "alter table roles add column reads integer not null;",
    "adds a column that is not null and has no default",
  ],
  [
    "alter table roles add constraint some check (epoch > 0);",
    "adds a constraint that rows of before are held to at once",
  ],
  ["create index slow on records (version);", "takes a lock that lasts as long as an index takes"],
])("a migration with %s is refused", (text, problem) => {
  expect(problemsOf(`create table other (id integer);\n${text}`)).toEqual([problem]);
});

it.each([
  "alter table roles add column reads integer;",
  "alter table roles add column reads integer not null default 7;",
  "alter table roles add constraint some check (epoch > 0) not valid;",
  "create table later (id integer not null); create index by_id on later (id); alter table later alter column id type bigint;",
  "create or replace function forebay_x() returns void language plpgsql as $$ begin drop table y; end $$;",
])("a migration with %s is taken", (text) => {
  expect(problemsOf(text)).toEqual([]);
});
