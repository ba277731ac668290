/** Where the examples find a cluster: in `cluster.json` of the data folder that `forebay up` names. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

export interface Cluster {
  /** By name. */
  readonly regions: Readonly<Record<string, string>>;
  readonly key?: string;
}

interface ClusterFile {
  readonly regions: readonly { readonly name: string; readonly url: string }[];
  readonly key?: string;
}

/** Of `--data FOLDER`. */
export function findCluster(words = process.argv.slice(2)): Cluster {
  const { values } = parseArgs({ args: words, options: { data: { type: "string", default: ".forebay" } } });
  const { regions, key } = JSON.parse(readFileSync(join(values.data, "cluster.json"), "utf8")) as ClusterFile;
  const urls = Object.fromEntries(regions.map(({ name, url }) => [name, url]));
  return { regions: urls, ...(key !== undefined && { key }) };
}

/** The options of a client that lives near a region, and knows no other. */
export function near({ regions, key }: Cluster, place: number): Cluster {
  const names = Object.keys(regions);
  const name = names[place % names.length]!;
  return { regions: { [name]: regions[name]! }, ...(key !== undefined && { key }) };
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A name that no earlier run has used. */
export function freshName(prefix: string): string {
  return `${prefix}-${Math.random().toString(36).slice(2, 10)}`;
}
