/** Where the regions are: from `cluster.json` in the data folder, or from --url. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { environmentKey } from "./common-options.ts";
import { CommandError } from "./errors.ts";

export interface ClusterRegion {
  readonly name: string;
  readonly url: string;
  /** The credential to come with. */
  readonly key?: string | undefined;
}

export interface ClusterOptions {
  readonly data: string;
  readonly url?: string;
  readonly region?: string;
  /** Default: that of the environment, or of the data folder's cluster. */
  readonly apiKey?: string;
}

const ClusterFile = Type.Object({
  regions: Type.Array(
    Type.Object({
      name: Type.String(),
      url: Type.String(),
      postgres: Type.Optional(Type.Object({ url: Type.String() })),
    }),
    { minItems: 1 },
  ),
  /** The development key. */
  key: Type.Optional(Type.String()),
  /** Where a cluster can be broken on purpose; only a local one says so. */
  control: Type.Optional(Type.Object({ url: Type.String(), key: Type.String() })),
});
export type ClusterFile = Static<typeof ClusterFile>;
const validator = Compile(ClusterFile);

/** @throws {CommandError} says where it has looked and what to do. */
export function findRegions(options: ClusterOptions): readonly ClusterRegion[] {
  const { data, url, apiKey: key = environmentKey() } = options;
  if (url !== undefined) return [{ name: regionNameOf(url), url: url.replace(/\/+$/, ""), key }];
  const file = readClusterFile(data);
  return file.regions.map(({ name, url: address }) => ({ name, url: address, key: key ?? file.key }));
}

/** What the cluster of a data folder says of itself. @throws {CommandError} as `findRegions` does. */
export function readClusterFile(data: string): ClusterFile {
  const path = join(data, "cluster.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new CommandError(
      `no cluster is running on ${data} (there is no ${path}); start one with "forebay up", or give --data or --url`,
    );
  }
  const document = parseOr(text);
  if (!validator.Check(document)) {
    throw new CommandError(`${path} does not list regions; is it another program's?`);
  }
  return document;
}

/** @throws {CommandError} when there is no region of the name. */
export function findRegion(options: ClusterOptions): ClusterRegion {
  const regions = findRegions(options);
  const { region } = options;
  const found =
    region === undefined || options.url !== undefined
      ? regions[0]
      : regions.find(({ name }) => name === region);
  if (found !== undefined) return found;
  const known = regions.map(({ name }) => name).join(", ");
  throw new CommandError(`there is no region "${region}"; the cluster has ${known}`);
}

function regionNameOf(url: string): string {
  if (!URL.canParse(url)) throw new CommandError(`"${url}" is no URL`);
  return new URL(url).host;
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
