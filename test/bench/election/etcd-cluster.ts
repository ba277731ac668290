/** Three etcd nodes on loopback, with their defaults: start → kill and start again → stop. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../../../infra/local/child.ts";
import { LOOPBACK, PortChooser } from "../../../infra/local/ports.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import { interruption } from "../interruption.ts";
import type { Killable } from "./faults.ts";

const START_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 1_000;
const STOP_GRACE_MS = 5_000;

interface Node {
  readonly name: string;
  readonly url: string;
  readonly args: readonly string[];
  child: Child | undefined;
}

export class EtcdCluster implements Killable {
  readonly #program: string;
  readonly #folder: { readonly path: string; remove(): void };
  readonly #nodes: readonly Node[];

  private constructor(program: string, folder: { path: string; remove(): void }, nodes: readonly Node[]) {
    this.#program = program;
    this.#folder = folder;
    this.#nodes = nodes;
  }

  /** @throws {StartError} {DeadlineError} when the nodes don't come up; none is left running then. */
  static async start(program: string, names: readonly string[]): Promise<EtcdCluster> {
    const ports = new PortChooser();
    const folder = makeTemporaryFolder("etcd");
    const places: { name: string; url: string; peerUrl: string }[] = [];
    for (const name of names) {
      const [port, peerPort] = [await ports.choose(), await ports.choose()];
      places.push({ name, url: `http://${LOOPBACK}:${port}`, peerUrl: `http://${LOOPBACK}:${peerPort}` });
    }
    const members = places.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
    const nodes = places.map((place) => ({
      name: place.name,
      url: place.url,
      child: undefined,
      args: argumentsOf(place, { members, dataFolder: join(folder.path, place.name) }),
    }));
    mkdirSync(join(folder.path, "logs"));
    const cluster = new EtcdCluster(program, folder, nodes);
    try {
      await Promise.all(names.map((name) => cluster.#spawn(name)));
      await cluster.#untilLed();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get nodes(): readonly { readonly name: string; readonly url: string }[] {
    return this.#nodes;
  }

  /** As most of the nodes see it: a node that has just lost its leader may name it for a while. */
  async leader(): Promise<string | undefined> {
    const seen = await Promise.all(this.#nodes.map((node) => statusOf(node.url).catch(() => undefined)));
    const leaders = seen.map((status) => status?.leader).filter((id) => id !== undefined && id !== "0");
    const [leader] = leaders;
    if (leaders.length < 2 || leaders.some((id) => id !== leader)) return undefined;
    const place = seen.findIndex((status) => status?.header?.member_id === leader);
    return this.#nodes[place]?.name;
  }

  async kill(name: string): Promise<void> {
    await this.#node(name).child?.kill();
  }

  async start(name: string): Promise<void> {
    await this.#spawn(name);
    const node = this.#node(name);
    const options = { what: `answer from etcd ${name}`, timeoutMs: START_TIMEOUT_MS, signal: interruption };
    await waitFor(() => statusOf(node.url), options);
  }

  async stop(): Promise<void> {
    const children = this.#nodes.map(({ child }) => child).filter((child) => child !== undefined);
    await Promise.all(children.map((child) => child.stop("SIGTERM", STOP_GRACE_MS)));
    this.#folder.remove();
  }

  async #spawn(name: string): Promise<void> {
    const node = this.#node(name);
    node.child = await Child.spawn({
      command: this.#program,
      args: node.args,
      logPath: join(this.#folder.path, "logs", `${name}.log`),
      environment: process.env,
    });
  }

  async #untilLed(): Promise<void> {
    const options = { what: "leader of etcd", timeoutMs: START_TIMEOUT_MS, signal: interruption };
    await waitFor(() => this.leader(), options);
  }

  #node(name: string): Node {
    const node = this.#nodes.find((node) => node.name === name);
    if (node === undefined) throw new Error(`there is no etcd node ${name}`);
    return node;
  }
}

function argumentsOf(
  { name, url, peerUrl }: { name: string; url: string; peerUrl: string },
  { members, dataFolder }: { members: string; dataFolder: string },
): readonly string[] {
  return Object.entries({
    name,
    "data-dir": dataFolder,
    "listen-client-urls": url,
    "advertise-client-urls": url,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": members,
    "initial-cluster-state": "new",
    "log-level": "warn",
  }).map(([option, value]) => `--${option}=${value}`);
}

interface EtcdStatus {
  readonly leader?: string;
  readonly header?: { readonly member_id?: string };
}

async function statusOf(url: string): Promise<EtcdStatus> {
  const response = await fetch(`${url}/v3/maintenance/status`, {
    method: "POST",
    body: "{}",
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return (await response.json()) as EtcdStatus;
}
