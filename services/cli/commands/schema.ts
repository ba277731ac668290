/** `forebay schema apply`: schemas of collections from a file. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parse } from "yaml";
import type { CollectionAnswer } from "../../protocol/http/answers.ts";
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
