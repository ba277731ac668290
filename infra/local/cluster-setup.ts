/** Before anything is started: take the data folder → end leftovers → read or make the state → choose ports. */
import { resolve } from "node:path";
import { readTopology, type Topology } from "../../services/runtime/topology.ts";
import type { LocalClusterOptions } from "./cluster-options.ts";
import { dataFolderAt, eraseDataFolder, openDataFolder, type DataFolder } from "./data-folder.ts";
import { StartError } from "./errors.ts";
import { takeLock, type Lock } from "./lock.ts";
import { completeSecrets } from "./nats-secrets.ts";
import { isPortFree, LOOPBACK, PortChooser } from "./ports.ts";
import { choosePostgresFolder, erasePostgresFolder } from "./postgres-place.ts";
import { dropDatabase } from "./postgres-server.ts";
import { databaseName } from "./region-database.ts";
import { RunRecords } from "./run-records.ts";
import { serverUser, type ServerUser } from "./server-user.ts";
import {
  assertSameTopology,
  newDevelopmentKey,
  newState,
  readState,
  writeState,
  type ClusterState,
  type RegionPorts,
} from "./state.ts";

export interface Setup {
  readonly topology: Topology;
  readonly topologyPath: string;
  readonly folder: DataFolder;
  readonly lock: Lock;
  readonly records: RunRecords;
  readonly state: ClusterState;
  readonly ports: PortChooser;
  /** HTTP ports of the regions, by name. */
  readonly httpPorts: Map<string, number>;
  /** Whom PostgreSQL runs as; undefined means as ourselves. */
  readonly user: ServerUser | undefined;
  /** The names of processes of an earlier run that were ended. */
  readonly ended: readonly string[];
}

const PORT_BASE = 7101;

/**
 * Takes the data folder for this process and makes it ready.
 * @throws {DataFolderInUseError | DataFolderMismatchError | StartError} and then the lock is not held.
 */
export async function setUp(options: LocalClusterOptions): Promise<Setup> {
  const topologyPath = resolve(options.topology);
  const topology = readTopology(topologyPath);
  const folder = dataFolderAt(options.dataFolder);
  openDataFolder(folder);
  const lock = takeLock(folder.lock, folder.root);
  try {
    return await setUpLocked(options, { topology, topologyPath, folder, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What the cluster's regions take; undefined where they ask for nothing. */
export function keyOf(
  { state }: Pick<Setup, "state">,
  { authentication }: Pick<LocalClusterOptions, "authentication">,
): string | undefined {
  return authentication === "off" ? undefined : state.developmentKey;
}

/** Folders of before have none. */
function withKey(state: ClusterState): ClusterState {
  return { ...state, developmentKey: state.developmentKey ?? newDevelopmentKey() };
}

async function setUpLocked(
  options: LocalClusterOptions,
  base: Pick<Setup, "topology" | "topologyPath" | "folder" | "lock">,
): Promise<Setup> {
  const { folder, topology } = base;
  const ended = await new RunRecords(folder.run).endLeftovers();
  if (options.fresh === true) {
    await erase(folder, options.postgresAdminUrl);
  }
  const records = new RunRecords(folder.run);
  const known = withKey(readState(folder.state) ?? newState(topology));
  assertSameTopology(known, topology, folder.root);
  assertSamePostgres(known, options.postgresAdminUrl, folder);
  const ports = new PortChooser();
  const httpPorts = await chooseHttpPorts(topology, options.portBase ?? PORT_BASE, ports);
  const user = serverUser();
  const state: ClusterState = {
    ...withoutPlace(known),
    ...(options.postgresAdminUrl === undefined
      ? { postgresFolder: choosePostgresFolder(folder, user, known.postgresFolder) }
      : { postgresServer: serverName(options.postgresAdminUrl) }),
    natsPasswords: completeSecrets(
      known.natsPasswords ?? {},
      topology.regions.map(({ name }) => name),
    ),
    regions: await chooseServerPorts(topology, known, ports),
  };
  writeState(folder.state, state);
  return { ...base, records, state, ports, httpPorts, user, ended };
}

/**
 * Ports for one more region, kept in the state: from its next start on, the cluster is started with a topology that has it.
 * @throws {StartError} the topology is not this cluster's with one more region.
 */
export async function setUpLater(
  setup: Setup,
  name: string,
  path: string,
): Promise<{ topology: Topology; path: string }> {
  const topology = readTopology(resolve(path));
  const known = Object.keys(setup.state.regions);
  const names = topology.regions.map((region) => region.name);
  if (known.includes(name) || !names.includes(name) || known.some((one) => !names.includes(one)))
    throw new StartError(
      `${path} has the regions ${names.join(", ")}; it must have ${known.join(", ")} and ${name}, which is new`,
    );
  setup.httpPorts.set(name, await setup.ports.choose());
  setup.state.regions[name] = {
    natsPort: await setup.ports.choose(),
    natsMonitorPort: await setup.ports.choose(),
    natsClusterPort: await setup.ports.choose(),
    postgresPort: await setup.ports.choose(),
  };
  setup.state.natsPasswords = completeSecrets(setup.state.natsPasswords ?? {}, names);
  writeState(setup.folder.state, setup.state);
  return { topology, path: resolve(path) };
}

async function erase(folder: DataFolder, adminUrl: string | undefined): Promise<void> {
  const state = readStateLeniently(folder.state);
  if (state !== undefined && adminUrl !== undefined && state.postgresServer === serverName(adminUrl)) {
    for (const region of Object.keys(state.regions)) {
      await dropDatabase(adminUrl, databaseName(state.clusterId, region));
    }
  }
  eraseDataFolder(folder);
  erasePostgresFolder(folder, state?.postgresFolder);
  openDataFolder(folder);
}

/** A state that can't be understood must not keep a fresh start from erasing it. */
function readStateLeniently(path: string): ClusterState | undefined {
  try {
    return readState(path);
  } catch {
    return undefined;
  }
}

function assertSamePostgres(state: ClusterState, adminUrl: string | undefined, folder: DataFolder): void {
  const asked = adminUrl === undefined ? undefined : serverName(adminUrl);
  if (state.hasStarted && state.postgresServer !== asked) {
    throw new StartError(
      `${folder.root} has its databases on ${state.postgresServer ?? "servers of its own"}, not on ${asked ?? "servers of its own"}; ` +
        `give the same PostgreSQL again, or another --data or --fresh`,
    );
  }
}

/** A server's address without user and password, so that the state can name it. */
function serverName(adminUrl: string): string {
  try {
    const { hostname, port } = new URL(adminUrl);
    return `${hostname}:${port || "5432"}`;
  } catch (error) {
    throw new StartError(
      `the PostgreSQL URL is not a URL; it looks like postgres://user:password@host:port/postgres`,
      {
        cause: error,
      },
    );
  }
}

/** A first start that failed may be tried again with another PostgreSQL. */
function withoutPlace(state: ClusterState): Omit<ClusterState, "postgresFolder" | "postgresServer"> {
  const { postgresFolder: _folder, postgresServer: _server, ...rest } = state;
  return rest;
}

async function chooseHttpPorts(
  topology: Topology,
  portBase: number,
  ports: PortChooser,
): Promise<Map<string, number>> {
  const chosen = new Map<string, number>();
  for (const [index, region] of topology.regions.entries()) {
    const port = portBase === 0 ? await ports.choose() : portBase + index;
    if (portBase !== 0 && !(await isPortFree(port))) {
      throw new StartError(
        `port ${port} on ${LOOPBACK}, meant for region ${region.name}, is taken by another program; give another --port-base`,
      );
    }
    chosen.set(region.name, port);
  }
  return chosen;
}

async function chooseServerPorts(
  topology: Topology,
  known: ClusterState,
  ports: PortChooser,
): Promise<Record<string, RegionPorts>> {
  const regions: Record<string, RegionPorts> = {};
  for (const { name } of topology.regions) {
    const before = known.regions[name];
    regions[name] = {
      natsPort: await ports.choose(before?.natsPort),
      natsMonitorPort: await ports.choose(before?.natsMonitorPort),
      natsClusterPort: await ports.choose(before?.natsClusterPort),
      postgresPort: await ports.choose(before?.postgresPort),
    };
  }
  return regions;
}
