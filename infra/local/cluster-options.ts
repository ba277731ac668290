/** What a cluster on one machine is started with, and how its regions look from outside. */
import type { OnStep } from "./steps.ts";

export interface LocalClusterOptions {
  /** Holds everything that the cluster keeps; made when missing. */
  readonly dataFolder: string;
  /** The path of the topology's YAML file. */
  readonly topology: string;
  /** The region at index i of the topology gets portBase + i; 0 lets each take any free port. Default 7101. */
  readonly portBase?: number;
  /** Erase what an earlier run left in the data folder. Default false. */
  readonly fresh?: boolean;
  /** Whether links have the topology's latency. Default true. */
  readonly latency?: boolean;
  /** Whether nats-servers, routes and PostgreSQL speak TLS, with certificates of an authority in the data folder. Default false. */
  readonly tls?: boolean;
  /** A PostgreSQL to make one database per region on, instead of a server of our own per region. */
  readonly postgresAdminUrl?: string;
  /** Start processes again that end without being asked to. Default false. */
  readonly supervise?: boolean;
  /** Listen for requests to break and mend the cluster, at an address that cluster.json tells. Default false. */
  readonly control?: boolean;
  /** Whether region processes are started; without them there are only the servers. Default true. */
  readonly regionProcesses?: boolean;
  /** The script of a region process. Default: `dist/services/region/main.js` of the package. */
  readonly regionEntry?: string;
  /**
   * Whether regions ask for credentials. `on`, the default: they take the data folder's development key. `off` is for tests
   * of something else: everybody on this machine may do everything.
   */
  readonly authentication?: "on" | "off";
  /** Whether nats-servers let everybody do everything who comes without a name: for processes of releases without users. */
  readonly natsTakesAnybody?: boolean;
  /** Added to the environment of every region process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default `info`. */
  readonly logLevel?: string;
  /** Brings a region's database to the schema of this version. */
  readonly migrate?: (options: { readonly url: string }) => Promise<void>;
  readonly onStep?: OnStep;
  /** Aborts the start; what was started by then is stopped. */
  readonly signal?: AbortSignal;
  /** Ends everything at once when it aborts, during the start, while running and during a stop. */
  readonly forceSignal?: AbortSignal;
}

export interface GatewayView {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
}

export interface RegionView {
  readonly name: string;
  readonly url: string;
  /** What requests come with; undefined where nobody is asked. */
  readonly key: string | undefined;
  /** Process ids are undefined while the process does not run. */
  readonly pid: number | undefined;
  readonly postgres: { readonly url: string; readonly pid: number | undefined };
  readonly nats: {
    /** As somebody who may do everything. */
    readonly url: string;
    /** Where TLS is spoken: of whoever has signed the certificate. */
    readonly tls?: { readonly caFile: string };
    readonly monitorUrl: string;
    readonly pid: number | undefined;
  };
  readonly gateways: readonly GatewayView[];
}
