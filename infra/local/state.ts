/** What a cluster on one machine has to remember between runs: identity, secrets, ports, places. */
import { randomBytes } from "node:crypto";
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { Topology } from "../../services/runtime/topology.ts";
import { DataFolderMismatchError } from "./errors.ts";
import { readTextIfPresent, writeFileAtomic } from "./files.ts";

const RegionState = Type.Object({
  natsPort: Type.Integer(),
  natsMonitorPort: Type.Integer(),
  natsClusterPort: Type.Integer(),
  postgresPort: Type.Integer(),
});

const StateFile = Type.Object({
  /** Tells the databases of this data folder from others' on a shared PostgreSQL server. */
  clusterId: Type.String(),
  partitions: Type.Integer(),
  sessionSecret: Type.String(),
  postgresPassword: Type.String(),
  /** Whoever has it may do everything; absent in a folder of before. */
  developmentKey: Type.Optional(Type.String()),
  /** By variable of the servers' configuration; of a cluster that was made before there were any, undefined at first. */
  natsPasswords: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Where PostgreSQL's files are; elsewhere than in the data folder when its user can't get there. */
  postgresFolder: Type.Optional(Type.String()),
  /** The server that holds the databases when it is not one of ours; without the password. */
  postgresServer: Type.Optional(Type.String()),
  /** Whether its servers were all up once: from then on the databases stay where they are. */
  hasStarted: Type.Boolean(),
  regions: Type.Record(Type.String(), RegionState),
});

export type RegionPorts = Static<typeof RegionState>;
export type ClusterState = Static<typeof StateFile>;

const validator = Compile(StateFile);
const CLUSTER_ID_BYTES = 4;
const SECRET_BYTES = 32;
const PASSWORD_BYTES = 16;

/**
 * Reads the state; undefined when there is none yet.
 * @throws {DataFolderMismatchError} when the file can't be understood.
 */
export function readState(path: string): ClusterState | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) {
    return undefined;
  }
  try {
    const document: unknown = JSON.parse(text);
    if (validator.Check(document)) {
      return document;
    }
  } catch {
    // Said below: for the user it makes no difference which part is wrong.
  }
  throw new DataFolderMismatchError(
    `${path} can't be understood; start with --fresh, which erases this cluster's data`,
  );
}

export function writeState(path: string, state: ClusterState): void {
  writeFileAtomic(path, `${JSON.stringify(state, null, 2)}\n`);
}

/** Unlike an API key, so that regions need no database to take it. */
export function newDevelopmentKey(): string {
  return `fb_development_${randomBytes(SECRET_BYTES).toString("base64url")}`;
}

/** A new cluster's state, still without ports. */
export function newState(topology: Topology): ClusterState {
  return {
    clusterId: randomBytes(CLUSTER_ID_BYTES).toString("hex"),
    partitions: topology.partitions,
    sessionSecret: randomBytes(SECRET_BYTES).toString("hex"),
    postgresPassword: randomBytes(PASSWORD_BYTES).toString("hex"),
    developmentKey: newDevelopmentKey(),
    hasStarted: false,
    regions: {},
  };
}

/**
 * The number of partitions and the regions are fixed when a cluster is made.
 * @throws {DataFolderMismatchError} when the topology asks for others.
 */
export function assertSameTopology(state: ClusterState, topology: Topology, folder: string): void {
  if (state.partitions !== topology.partitions) {
    throw new DataFolderMismatchError(
      `${folder} was made with ${state.partitions} partitions, the topology has ${topology.partitions}; give another --data or --fresh`,
    );
  }
  const made = Object.keys(state.regions).sort().join(", ");
  const asked = topology.regions
    .map((region) => region.name)
    .sort()
    .join(", ");
  if (made !== "" && made !== asked) {
    throw new DataFolderMismatchError(
      `${folder} was made with the regions ${made}, the topology has ${asked}; give another --data or --fresh`,
    );
  }
}
