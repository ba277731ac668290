/** The composition's nats-servers as plain processes on loopback: its command, its configurations, its certificates. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostOf } from "../../../infra/compose/hosts.ts";
import { Child } from "../../../infra/local/child.ts";
import { PortChooser } from "../../../infra/local/ports.ts";
import { provisionNats } from "../../../infra/local/provision/nats.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import type { Composition } from "../../images/compose-rules.ts";
import { layOut, mountsOf } from "../../images/composition-mounts.ts";

interface Ports {
  readonly client: number;
  readonly monitor: number;
  readonly routes: number;
}

export interface ComposedCluster {
  readonly portsOf: (region: string) => Ports;
  /** Mounts what is prepared by now, as a restart of the container does. */
  readonly restart: (region: string) => Promise<void>;
  /** What the monitoring says at this path. */
  readonly ask: (region: string, path: string) => Promise<Record<string, unknown>>;
  /** Until every server has routes to all others, and JetStream a leader. */
  readonly waitUntilWhole: () => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Composed {
  readonly composition: Composition;
  readonly regions: readonly string[];
  readonly prepared: string;
  /** Gets what the containers would have. */
  readonly folder: string;
}

const TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;

export async function startComposedCluster(composed: Composed): Promise<ComposedCluster> {
  const { regions, folder } = composed;
  const { path: program } = await provisionNats();
  const ports = await choosePorts(regions);
  const servers = new Map<string, Child>();
  const start = async (region: string) => {
    const args = writeServer(composed, region, ports);
    const logPath = join(folder, `nats-${region}.log`);
    servers.set(region, await Child.spawn({ command: program, args, logPath, environment: process.env }));
  };
  const stop = async (region: string) => {
    await servers.get(region)?.stop("SIGTERM", STOP_GRACE_MS);
  };
  const ask = (region: string, path: string) => askMonitor(ports.get(region)!.monitor, path);
  const cluster: ComposedCluster = {
    portsOf: (region) => ports.get(region)!,
    restart: async (region) => {
      await stop(region);
      await start(region);
    },
    ask,
    waitUntilWhole: () =>
      waitFor(async () => ((await areConnected(regions, ask)) ? true : undefined), {
        what: `whole cluster; ${regions[0]!} has said:\n${servers.get(regions[0]!)?.lastWords() ?? ""}\n`,
        timeoutMs: TIMEOUT_MS,
      }).then(() => undefined),
    close: async () => {
      await Promise.all(regions.map(stop));
    },
  };
  try {
    for (const region of regions) await start(region);
    await cluster.waitUntilWhole();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function choosePorts(regions: readonly string[]): Promise<ReadonlyMap<string, Ports>> {
  const chooser = new PortChooser();
  const chosen = new Map<string, Ports>();
  for (const region of regions)
    chosen.set(region, {
      client: await chooser.choose(),
      monitor: await chooser.choose(),
      routes: await chooser.choose(),
    });
  return chosen;
}

/** Only addresses are others than in containers. @returns the arguments of the server. */
function writeServer(
  { composition, regions, prepared, folder }: Composed,
  region: string,
  ports: ReadonlyMap<string, Ports>,
): readonly string[] {
  const name = hostOf("nats", region);
  const mounts = mountsOf(composition, name);
  const inside = layOut(mounts, prepared, join(folder, name));
  const own = ports.get(region)!;
  const here = (text: string) =>
    regions
      .reduce(
        (changed, other) =>
          changed.replaceAll(`${hostOf("nats", other)}:6222`, `localhost:${ports.get(other)!.routes}`),
        inside.outside(text),
      )
      .replace("0.0.0.0:4222", `127.0.0.1:${own.client}`)
      .replace("0.0.0.0:8222", `127.0.0.1:${own.monitor}`)
      .replace("0.0.0.0:6222", `127.0.0.1:${own.routes}`);
  for (const { target } of mounts.filter(({ target }) => target.endsWith(".conf"))) {
    const path = inside.pathOf(target);
    const text = here(readFileSync(path, "utf8"));
    rmSync(path);
    writeFileSync(path, text, { mode: 0o400 });
  }
  return (composition.services[name]?.command ?? []).map(inside.outside);
}

async function askMonitor(port: number, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
  return (await response.json()) as Record<string, unknown>;
}

async function areConnected(regions: readonly string[], ask: ComposedCluster["ask"]): Promise<boolean> {
  for (const region of regions) {
    const { routes } = (await ask(region, "/routez")) as { routes?: { remote_name?: string }[] };
    const names = new Set(routes?.map(({ remote_name: name }) => name));
    if (regions.some((other) => other !== region && !names.has(other))) return false;
    const { meta_cluster: meta } = (await ask(region, "/jsz")) as { meta_cluster?: { leader?: string } };
    if ((meta?.leader ?? "") === "") return false;
  }
  return true;
}
