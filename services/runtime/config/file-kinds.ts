/** Kinds of options that name files: whoever checks the configuration checks that they are there. */
import { accessSync, constants, readFileSync } from "node:fs";
import { InvalidTopologyError, readTopology, type Topology } from "../topology.ts";
import { quote, type Kind, type Parsed } from "./kind.ts";

/** Of system errors the code alone: messages repeat the path, which whoever mistook the option may have filled with a secret. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return code ?? message;
}

/** A file that is read later, perhaps again and again. */
export const readableFile: Kind<string> = {
  expectation: "the path of a file that this process may read",
  form: "one",
  secrecy: "open",
  parse(path) {
    try {
      accessSync(path, constants.R_OK);
      return { value: path };
    } catch (error) {
      return { problem: `names a file that can't be read: ${reasonOf(error)}` };
    }
  },
  show: (path) => path,
};

export interface TopologyFile {
  readonly path: string;
  readonly topology: Topology;
}

export const topologyFile: Kind<TopologyFile> = {
  expectation: "the path of a topology file, such as regions/local.yaml",
  form: "one",
  secrecy: "open",
  parse(path): Parsed<TopologyFile> {
    try {
      return { value: { path, topology: readTopology(path) } };
    } catch (error) {
      if (error instanceof InvalidTopologyError) return { problem: error.message };
      throw error;
    }
  },
  show: ({ path, topology: { name, regions, partitions } }) =>
    `${path} (${name}: regions ${regions.map((region) => region.name).join(", ")}; ${partitions} partitions)`,
};

export interface KeySetFile {
  readonly path: string;
  /** A JSON Web Key Set, of public keys. */
  readonly set: object;
}

const KEY_SET = 'a JSON Web Key Set: an object with "keys"';

export const keySetFile: Kind<KeySetFile> = {
  expectation: `the path of ${KEY_SET}`,
  form: "one",
  secrecy: "open",
  parse(path): Parsed<KeySetFile> {
    try {
      const document = JSON.parse(readFileSync(path, "utf8")) as { keys?: unknown } | null;
      if (Array.isArray(document?.keys) && document.keys.length > 0)
        return { value: { path, set: document } };
      return { problem: `names ${quote(path)}, which is no ${KEY_SET.slice(2)}` };
    } catch (error) {
      // The message of a parser quotes the text, which may be a private key.
      const reason = error instanceof SyntaxError ? "it is not JSON" : reasonOf(error);
      return { problem: `names a file that can't be read as ${KEY_SET}: ${reason}` };
    }
  },
  show: ({ path }) => path,
};
