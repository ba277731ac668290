/**
 * The limit that authoritative writes are measured against: what JetStream itself takes from the same servers, at the same
 * pace, while the same servers are killed. Two are asked through each region's own server:
 *
 *   bare   a stream of its own, with three replicas, led by the server that leads the log. It holds its own election.
 *   log    the log's own stream, with a publish that its leader refuses and nobody stores: there is a leader again.
 */
import {
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { subjectOf } from "../../../services/adapters/jetstream/stream.ts";
import { assert } from "../../../services/core/assert.ts";
import { Connection } from "../../../services/adapters/nats/connection.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";

const STREAM = "BENCH_ELECTION";
const SUBJECT = "bench.election";
const BYTES = 400;
const PUBLISH_TIMEOUT_MS = 1_000;
const API_TIMEOUT_MS = 2_000;
/** Names no stream, so that no server can store what is published with it. */
const NO_STREAM = "FOREBAY_NO_SUCH_STREAM";
const OTHER_STREAM = 10_060;
const ALIGN_TRIES = 8;
const ALIGN_PAUSE_MS = 250;
const RECONNECT_WAIT_MS = 50;
const CLOSE_TIMEOUT_MS = 3_000;

/** When an answer came to what was sent when, in milliseconds on the clock of the load. */
interface Answered {
  readonly sentAtMs: number;
  readonly doneAtMs: number;
}

interface Place {
  readonly region: string;
  readonly connection: Connection;
  readonly client: JetStreamClient;
  readonly bare: Answered[];
  readonly log: Answered[];
}

export interface BareOptions {
  readonly ratePerSecond: number;
  /** The clock of the load that it is compared with. */
  readonly elapsedMs: () => number;
}

export class BarePublishers {
  readonly #places: readonly Place[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(places: readonly Place[]) {
    this.#places = places;
  }

  static async open(cluster: LocalCluster): Promise<BarePublishers> {
    const places = await Promise.all(
      cluster.regions.map(async ({ name, nats }): Promise<Place> => {
        const client = await connect({
          servers: nats.url,
          ignoreClusterUpdates: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RECONNECT_WAIT_MS,
          noAsyncTraces: true,
        });
        const connection = new Connection(client, { name: `bare-${name}`, logger: silentLogger });
        const publisher = jetstream(client, { timeout: API_TIMEOUT_MS, checkAPI: false });
        return { region: name, connection, client: publisher, bare: [], log: [] };
      }),
    );
    const manager = await managerOf(places[0]!);
    await manager.streams.add({
      name: STREAM,
      subjects: [SUBJECT],
      num_replicas: cluster.regions.length,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
    });
    return new BarePublishers(places);
  }

  /** Publishes at a steady pace through every region's server, whatever becomes of it. */
  start({ ratePerSecond, elapsedMs }: BareOptions): void {
    const data = new Uint8Array(BYTES).fill(120);
    this.#timer = setInterval(() => {
      for (const place of this.#places) {
        // What is sent without a connection would be kept, and sent later.
        if (!place.connection.isOpen) continue;
        void this.#publish(place, { data, elapsedMs });
        void this.#ask(place, elapsedMs);
      }
    }, 1_000 / ratePerSecond);
  }

  /** Brings the stream's leadership to a server that is to be killed. @returns false when that did not work. */
  async align(server: string): Promise<boolean> {
    for (let tries = 1; tries <= ALIGN_TRIES; tries += 1) {
      try {
        const place = this.#places.find(({ connection }) => connection.isOpen) ?? this.#places[0]!;
        const info = await (await managerOf(place)).streams.info(STREAM);
        if (info.cluster?.leader === server) return true;
        const placement = JSON.stringify({ placement: { preferred: server } });
        const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${STREAM}`;
        await place.connection.client.request(subject, placement, { timeout: API_TIMEOUT_MS });
      } catch {
        // In an election of its own: the next try may find it over.
      }
      await new Promise((resolve) => setTimeout(resolve, ALIGN_PAUSE_MS));
    }
    return false;
  }

  /** How long nothing was answered after a fault, by region; undefined where nothing ever was. Milliseconds. */
  unavailableMs(
    kind: "bare" | "log",
    { faultAtMs, untilMs }: { faultAtMs: number; untilMs: number },
  ): Record<string, number | undefined> {
    return Object.fromEntries(
      this.#places.map((place) => {
        const after = place[kind].filter(({ sentAtMs }) => sentAtMs >= faultAtMs && sentAtMs < untilMs);
        const firstMs = Math.min(...after.map(({ doneAtMs }) => doneAtMs));
        return [place.region, Number.isFinite(firstMs) ? firstMs - faultAtMs : undefined];
      }),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#places.map(({ connection }) => connection.close(CLOSE_TIMEOUT_MS)));
  }

  async #publish(
    { client, bare }: Place,
    { data, elapsedMs }: { data: Uint8Array; elapsedMs: () => number },
  ): Promise<void> {
    const sentAtMs = elapsedMs();
    try {
      await client.publish(SUBJECT, data, { timeout: PUBLISH_TIMEOUT_MS, retries: 1 });
      bare.push({ sentAtMs, doneAtMs: elapsedMs() });
    } catch {
      // Only what was stored counts; the next one is sent in any case.
    }
  }

  async #ask({ client, log, region }: Place, elapsedMs: () => number): Promise<void> {
    const sentAtMs = elapsedMs();
    const expect = { streamName: NO_STREAM };
    const settings = { timeout: PUBLISH_TIMEOUT_MS, retries: 1, expect };
    const refused = client.publish(subjectOf(0, region), "", settings);
    const error = await refused.then(
      () => undefined,
      (error: unknown) => error,
    );
    assert(error !== undefined, `the log has stored what was meant for ${NO_STREAM}`);
    if (!(error instanceof JetStreamApiError) || error.code !== OTHER_STREAM) return;
    log.push({ sentAtMs, doneAtMs: elapsedMs() });
  }
}

function managerOf({ connection }: Place): Promise<JetStreamManager> {
  return jetstreamManager(connection.client, { timeout: API_TIMEOUT_MS, checkAPI: false });
}
