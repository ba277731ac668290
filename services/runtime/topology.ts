/** A topology: the regions of a cluster, the links between them and the number of partitions, read from YAML. */
import { readFileSync } from "node:fs";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { parse } from "yaml";

export interface Region {
  readonly name: string;
  readonly location?: string;
}

export interface Link {
  readonly between: readonly [string, string];
  readonly roundTripMs: number;
  readonly jitterMs: number;
}

export interface Topology {
  readonly name: string;
  readonly partitions: number;
  readonly regions: readonly Region[];
  readonly links: readonly Link[];
}

export class InvalidTopologyError extends Error {
  override readonly name = "InvalidTopologyError";
}

const REGIONS_MAX = 16;
const PARTITIONS_MAX = 64;
/** Lower-case and short: a region's name is part of subjects, database names and metric labels. */
const NAME_PATTERN = "^[a-z][a-z0-9-]{0,15}$";

const TopologyFile = Type.Object(
  {
    name: Type.String({ pattern: NAME_PATTERN }),
    partitions: Type.Integer({ minimum: 1, maximum: PARTITIONS_MAX }),
    regions: Type.Array(
      Type.Object(
        { name: Type.String({ pattern: NAME_PATTERN }), location: Type.Optional(Type.String()) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: REGIONS_MAX },
    ),
    links: Type.Optional(
      Type.Array(
        Type.Object(
          {
            between: Type.Tuple([Type.String(), Type.String()]),
            round_trip_ms: Type.Number({ minimum: 0, maximum: 10_000 }),
            jitter_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 })),
          },
          { additionalProperties: false },
        ),
      ),
    ),
  },
  { additionalProperties: false },
);

const validator = Compile(TopologyFile);

/**
 * Reads and validates a topology file.
 * @throws {InvalidTopologyError} names the file and everything that is wrong with it.
 */
export function readTopology(path: string): Topology {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new InvalidTopologyError(`topology file ${path} can't be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return parseTopology(text, path);
}

/** Parses the text of a topology file; `source` names it in errors. */
export function parseTopology(text: string, source: string): Topology {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new InvalidTopologyError(`topology ${source} is not YAML: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (!validator.Check(document)) {
    const reasons = validator.Errors(document).map((e) => `${e.instancePath || "/"} ${e.message}`);
    throw new InvalidTopologyError(`topology ${source}: ${reasons.join("; ")}`);
  }
  const topology: Topology = {
    name: document.name,
    partitions: document.partitions,
    regions: document.regions,
    links: (document.links ?? []).map((link) => ({
      between: link.between,
      roundTripMs: link.round_trip_ms,
      jitterMs: link.jitter_ms ?? 0,
    })),
  };
  checkNames(topology, source);
  return topology;
}

function checkNames(topology: Topology, source: string): void {
  const names = new Set(topology.regions.map((region) => region.name));
  if (names.size !== topology.regions.length) {
    throw new InvalidTopologyError(`topology ${source}: two regions have the same name`);
  }
  for (const name of names) {
    // Regions are looked up by name in plain objects, in several places and languages.
    if (name in {}) throw new InvalidTopologyError(`topology ${source}: a region can't be called ${name}`);
  }
  for (const link of topology.links) {
    for (const end of link.between) {
      if (!names.has(end)) {
        throw new InvalidTopologyError(
          `topology ${source}: link ${link.between.join("–")} names ${end}, which is no region; known are ${[...names].join(", ")}`,
        );
      }
    }
    if (link.between[0] === link.between[1]) {
      throw new InvalidTopologyError(
        `topology ${source}: link ${link.between.join("–")} joins a region with itself`,
      );
    }
  }
}

/** The link between two regions; without an entry in the topology it has no latency. */
export function linkBetween(topology: Topology, one: string, other: string): Link {
  const found = topology.links.find((link) => link.between.includes(one) && link.between.includes(other));
  return found ?? { between: [one, other], roundTripMs: 0, jitterMs: 0 };
}

const UNKNOWN_ROUND_TRIP_MS = 200;

/** What counts until something is measured. A region that was added later is in no older topology, and taken for far away. */
export function expectedRoundTripMs(topology: Topology, one: string, other: string): number {
  const known = topology.regions.filter(({ name }) => name === one || name === other);
  return known.length === 2 ? linkBetween(topology, one, other).roundTripMs : UNKNOWN_ROUND_TRIP_MS;
}
