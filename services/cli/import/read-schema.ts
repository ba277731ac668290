/** The schema of a collection, for commands that move records in and out. */
import type { CollectionSchema } from "../../core/schema.ts";
import type { CollectionListAnswer } from "../../protocol/http/answers.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { ClusterRegion } from "../cluster.ts";
import { CommandError } from "../errors.ts";
import { callApi } from "../http.ts";

/** @throws {CommandError} when there is no such collection. */
export async function readSchema(region: ClusterRegion, name: string): Promise<CollectionSchema> {
  const path = `${API_PREFIX}/collections`;
  const { collections } = (await callApi(region, { path })).body as CollectionListAnswer;
  const found = collections.find((one) => one.name === name);
  if (found !== undefined) return found.schema as CollectionSchema;
  const known = collections.map((one) => one.name).join(", ") || "none";
  throw new CommandError(
    `there is no collection "${name}" (there are: ${known}); "forebay schema apply" makes one`,
  );
}
