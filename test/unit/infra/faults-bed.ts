/** A cluster's faults over real link proxies and processes that only remember what was done to them. */
import { ClusterFaults, type Target } from "../../../infra/local/faults/cluster-faults.ts";
import { LinkProxies } from "../../../infra/local/link-proxy.ts";
import type { Site } from "../../../infra/local/site.ts";

const REGIONS = ["eu", "us", "ap"] as const;

export interface StubProcess {
  pid: number | undefined;
  exited: Promise<void> | undefined;
  isPaused: boolean;
  /** Set to make the next start fail. */
  startError: Error | undefined;
  url: string;
  monitorUrl: string;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface FaultsBed {
  readonly faults: ClusterFaults;
  readonly links: LinkProxies;
  /** What was done to processes, such as `kill nats us`. */
  readonly done: string[];
  process(target: Target, region: string): StubProcess;
  wanted(region: string): Site["wanted"];
  close(): Promise<void>;
}

export async function openFaultsBed(): Promise<FaultsBed> {
  const done: string[] = [];
  const links = await LinkProxies.open({
    topology: { name: "test", partitions: 1, regions: REGIONS.map((name) => ({ name })), links: [] },
    hasLatency: false,
    targetPort: () => 1,
  });
  const sites = REGIONS.map((name) => ({
    name,
    nats: stubProcess(`nats ${name}`, done),
    postgres: stubProcess(`postgres ${name}`, done),
    process: stubProcess(`region ${name}`, done),
    wanted: { process: true, nats: true, postgres: true },
  }));
  const site = (region: string) => sites.find(({ name }) => name === region)!;
  const faults = new ClusterFaults({
    sites: sites as unknown as readonly Site[],
    links,
    onChange: () => void done.push("changed"),
  });
  return {
    faults,
    links,
    done,
    process: (target, region) => site(region)[target === "region" ? "process" : target],
    wanted: (region) => site(region).wanted,
    close: async () => {
      await faults.release();
      await links.close();
    },
  };
}

function stubProcess(name: string, done: string[]): StubProcess {
  const process: StubProcess = {
    pid: 1,
    exited: Promise.resolve(),
    isPaused: false,
    startError: undefined,
    url: "nats://127.0.0.1:1",
    monitorUrl: "http://127.0.0.1:1",
    pause: () => void (done.push(`pause ${name}`), (process.isPaused = true)),
    resume: () => void (done.push(`resume ${name}`), (process.isPaused = false)),
    kill: async () => end("kill"),
    stop: async () => end("stop"),
    start: async () => {
      done.push(`start ${name}`);
      if (process.startError !== undefined) throw process.startError;
      process.pid = 2;
    },
  };
  const end = (how: string): void => {
    done.push(`${how} ${name}`);
    Object.assign(process, { pid: undefined, isPaused: false });
  };
  return process;
}
