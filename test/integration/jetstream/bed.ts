/** A cluster with one log per region, and what the tests of this folder do with it. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { openJetStreamLog, type JetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import {
  LogUnavailableError,
  PublishTimeoutError,
  SubscriptionLostError,
  type GlobalLog,
  type LogMessage,
} from "../../../services/ports/global-log.ts";
import { eventually } from "../nats/eventually.ts";
import { REGIONS, startNatsCluster, type NatsCluster } from "../nats/nats-cluster.ts";

export interface JetStreamBed {
  readonly cluster: NatsCluster;
  log(region: string): JetStreamLog;
  /** Sends a request of the administration through a region's server and returns its answer. */
  administer(region: string, subject: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function openBed({ streamReplicas }: { streamReplicas: number }): Promise<JetStreamBed> {
  const cluster = await startNatsCluster();
  const logs = new Map<string, JetStreamLog>();
  const close = async (): Promise<void> => {
    await Promise.all([...logs.values()].map((log) => log.close()));
    await cluster.close();
  };
  try {
    for (const region of REGIONS) {
      logs.set(region, await openJetStreamLog({ ...asRegion(cluster, region), streamReplicas }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    cluster,
    log: (region) => logs.get(region)!,
    administer: (region, subject, body = {}) =>
      withConnection(cluster.server(region).url, async (connection) =>
        // A server that is between two leaders may say nothing; what is asked for here may be asked for again.
        eventually(`an answer to ${subject}`, async () =>
          (await connection.request(subject, JSON.stringify(body), { timeout: 5_000 })).json<unknown>(),
        ),
      ),
    close,
  };
}

/** With the rights that a region process has, and no others. */
export function asRegion(cluster: NatsCluster, region: string) {
  const { regionUrl: url, maintenanceUrl, monitorUrl } = cluster.server(region);
  return { url, monitorUrl, region, maintenance: { url: maintenanceUrl } };
}

async function withConnection<T>(url: string, use: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ ...connectOptions({ url }), ignoreClusterUpdates: true });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** The leader, once there is one. */
export async function leaderOf(log: GlobalLog, partition: number): Promise<string> {
  return await eventually("a leader", async () => (await log.inspect(partition)).leader);
}

/** What became of the publishes of a test, by their text. */
export class Outcomes {
  readonly stored = new Map<string, number>();
  readonly unavailable: string[] = [];
  readonly unknown: string[] = [];

  /** Publishes once and files the outcome; anything but the port's errors fails the test. */
  async publish(
    log: GlobalLog,
    request: { partition: number; origin: string; text: string; timeoutMs: number },
  ) {
    const { text, ...rest } = request;
    try {
      const { position } = await log.publish({ ...rest, data: Buffer.from(text) });
      this.stored.set(text, position);
    } catch (error) {
      if (error instanceof LogUnavailableError) this.unavailable.push(text);
      else if (error instanceof PublishTimeoutError) this.unknown.push(text);
      else throw error;
    }
  }

  /** Says what the log holds against what the publishers were told; empty when nothing does. */
  contradictions(messages: readonly LogMessage[]): string[] {
    const found = new Map<string, number[]>();
    for (const { position, data } of messages) {
      const text = Buffer.from(data).toString("utf8");
      found.set(text, [...(found.get(text) ?? []), position]);
    }
    const problems: string[] = [];
    for (const [text, position] of this.stored) {
      if (found.get(text)?.join() !== `${position}`)
        problems.push(`${text}: stored at ${position}, found at ${found.get(text)?.join() ?? "none"}`);
    }
    for (const text of this.unavailable)
      if (found.has(text)) problems.push(`${text}: unavailable, but found`);
    for (const text of this.unknown) {
      if ((found.get(text)?.length ?? 0) > 1)
        problems.push(`${text}: unknown, found at ${found.get(text)?.join() ?? "none"}`);
    }
    return problems;
  }
}

/** Reads a partition on and on, as an applier does: subscribes anew, from where it is, whenever a subscription is lost. */
export class Reader {
  readonly messages: LogMessage[] = [];
  subscriptions = 0;
  losses = 0;
  readonly #log: GlobalLog;
  readonly #partition: number;
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(log: GlobalLog, partition: number) {
    this.#log = log;
    this.#partition = partition;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Resolves once so many messages were read in all. */
  async reach(count: number): Promise<void> {
    await eventually(`message ${count} of partition ${this.#partition}`, async () =>
      this.messages.length >= count ? true : undefined,
    );
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#readOn();
      } catch (error) {
        if (error instanceof SubscriptionLostError) this.losses += 1;
        else if (!(error instanceof LogUnavailableError)) throw error;
        await sleep(50);
      }
    }
  }

  async #readOn(): Promise<void> {
    const subscription = await this.#log.subscribe({
      partition: this.#partition,
      from: this.messages.length + 1,
    });
    this.subscriptions += 1;
    try {
      while (!this.#isStopped) {
        const received = await subscription.receive({
          messagesMax: 100,
          bytesMax: 1_000_000,
          timeoutMs: 200,
        });
        this.messages.push(...received);
      }
    } finally {
      await subscription.close();
    }
  }
}

/** Whether a reader has got every position from 1 on, once. */
export function isDense(messages: readonly LogMessage[]): boolean {
  return messages.every(({ position }, index) => position === index + 1);
}
