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
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { inboxPrefixOf } from "../../../services/adapters/nats/inbox.ts";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { subjectOf } from "../../../services/adapters/jetstream/stream-config.ts";
import { assert } from "../../../services/core/assert.ts";
import { Connection } from "../../../services/adapters/nats/connection.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";

const STREAM = "BENCH_ELECTION";
const SUBJECT = "bench.election";
const DATA = new Uint8Array(400).fill(120);
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
  /** When each was asked last, on the clock of the load. */
  readonly askedAtMs: Record<Kind, number>;
}

/** The clock of the load that it is compared with. */
type ElapsedMs = () => number;

/** What is found out is as exact as that. Between kills a sign of life is enough: the machine is the regions'. */
const PUBLISH_EVERY_MS = 50;
const REST_EVERY_MS = 500;
const KINDS = ["bare", "log"] as const;
type Kind = (typeof KINDS)[number];

export class BarePublishers {
  readonly #places: readonly Place[];
  #timer: NodeJS.Timeout | undefined;
  #killedAtMs = Infinity;

  private constructor(places: readonly Place[]) {
    this.#places = places;
  }

  static async open(cluster: LocalCluster): Promise<BarePublishers> {
    const places = await Promise.all(
      cluster.regions.map(async ({ name, nats }): Promise<Place> => {
        const client = await connect({
          ...connectOptions(nats),
          ignoreClusterUpdates: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RECONNECT_WAIT_MS,
          noAsyncTraces: true,
        });
        const connection = new Connection(client, {
          name: `bare-${name}`,
          logger: silentLogger,
          inboxPrefix: inboxPrefixOf(name),
        });
        const publisher = jetstream(client, { timeout: API_TIMEOUT_MS, checkAPI: false });
        return {
          region: name,
          connection,
          client: publisher,
          bare: [],
          log: [],
          askedAtMs: { bare: 0, log: 0 },
        };
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

  /** Publishes through every region's server, whatever becomes of it. */
  start(elapsedMs: ElapsedMs): void {
    this.#timer = setInterval(() => {
      for (const place of this.#places) {
        // What is sent without a connection would be kept, and sent later.
        if (!place.connection.isOpen) continue;
        for (const kind of KINDS) this.#askWhenDue(place, kind, elapsedMs);
      }
    }, PUBLISH_EVERY_MS);
  }

  /** A leader has been killed: from now on the first answers count. */
  killed(atMs: number): void {
    this.#killedAtMs = atMs;
  }

  #askWhenDue(place: Place, kind: Kind, elapsedMs: ElapsedMs): void {
    const nowMs = elapsedMs();
    const hasAnswered = (place[kind].at(-1)?.sentAtMs ?? 0) >= this.#killedAtMs;
    const isAtRest = hasAnswered || this.#killedAtMs === Infinity;
    if (isAtRest && nowMs - place.askedAtMs[kind] < REST_EVERY_MS) return;
    place.askedAtMs[kind] = nowMs;
    void (kind === "bare" ? this.#publish(place, elapsedMs) : this.#ask(place, elapsedMs));
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
    kind: Kind,
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

  async #publish({ client, bare }: Place, elapsedMs: ElapsedMs): Promise<void> {
    const sentAtMs = elapsedMs();
    try {
      await client.publish(SUBJECT, DATA, { timeout: PUBLISH_TIMEOUT_MS, retries: 1 });
      bare.push({ sentAtMs, doneAtMs: elapsedMs() });
    } catch {
      // Only what was stored counts; the next one is sent in any case.
    }
  }

  async #ask({ client, log, region }: Place, elapsedMs: ElapsedMs): Promise<void> {
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
