/** `forebay schema`: schemas of collections, set from a file, and told to programs that read with SQL. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parse } from "yaml";
import type { CollectionSchema } from "../../core/schema.ts";
import { drizzleFile } from "../../core/sql/drizzle.ts";
import type { CollectionAnswer, CollectionListAnswer } from "../../protocol/http/answers.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError } from "../errors.ts";
import { callApi, collectionPath } from "../http.ts";

export interface NamedSchema {
  readonly name: string;
  readonly schema: unknown;
}

export function addSchemaCommand(program: Command): void {
  const schema = program.command("schema").description("schemas of collections");
  withCommonOptions(schema.command("apply <file>"))
    .description(
      "set the schemas that a YAML or JSON file holds: {name: schema, …}, or one with `collection: name`",
    )
    .action(async (file: string, options: CommonOptions) => {
      const region = findRegion(options);
      for (const { name, schema: body } of readSchemas(readFile(file), file)) {
        const answer = await callApi(region, { method: "PUT", path: collectionPath(name), body });
        const { version } = answer.body as CollectionAnswer;
        process.stdout.write(`collection ${name}: version ${version}\n`);
      }
    });
  withCommonOptions(schema.command("drizzle <collections...>"))
    .description("print a drizzle-orm file for the collections' views in the regions' databases")
    .option("--tenant <name>", "whose collections they are", "default")
    .action(printDrizzle);
}

async function printDrizzle(
  names: readonly string[],
  options: CommonOptions & { readonly tenant: string },
): Promise<void> {
  const { body } = await callApi(findRegion(options), { path: `${API_PREFIX}/collections` });
  const { collections } = body as CollectionListAnswer;
  const chosen = names.map((name) => {
    const found = collections.find((collection) => collection.name === name);
    if (found !== undefined) return { name, schema: found.schema as CollectionSchema };
    const known = collections.map((collection) => collection.name).join(", ");
    throw new CommandError(`there is no collection "${name}"; there are ${known}`);
  });
  process.stdout.write(drizzleFile(options.tenant, chosen));
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError(`${path} can't be read: ${(error as Error).message}`);
  }
}

/** @throws {CommandError} */
export function readSchemas(text: string, source: string): readonly NamedSchema[] {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new CommandError(
      `${source} is neither YAML nor JSON: ${(error as Error).message.split("\n", 1)[0]}`,
    );
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new CommandError(`${source} holds no schemas: it must be {name: schema, …}`);
  }
  const { collection, ...schema } = document as { collection?: unknown; [name: string]: unknown };
  if (typeof collection === "string") return [{ name: collection, schema }];
  return Object.entries(document).map(([name, body]) => ({ name, schema: body as unknown }));
}
