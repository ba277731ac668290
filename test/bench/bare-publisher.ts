/** The limit of an authoritative write: bare JetStream publishes of the same size, to a stream of the same kind and leader. */
import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { connectOptions } from "../../services/adapters/nats/address.ts";
import { streamName } from "../../services/adapters/jetstream/stream-config.ts";

const STREAM = "BENCH";
const SUBJECT = "bench";
const LEADER_TRIES = 40;
const PAUSE_MS = 250;

export class BarePublisher {
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** Makes a stream with three replicas, and has the server lead it that leads partition 0. */
  static async open(url: string): Promise<BarePublisher> {
    const connection = await connect({ ...connectOptions({ url }), ignoreClusterUpdates: true });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({
      name: STREAM,
      subjects: [SUBJECT],
      num_replicas: 3,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
    });
    for (let attempt = 0; attempt < LEADER_TRIES; attempt += 1) {
      const [log, bench] = await Promise.all([
        manager.streams.info(streamName(0)),
        manager.streams.info(STREAM),
      ]);
      const leader = log.cluster?.leader;
      if (leader !== undefined && bench.cluster?.leader === leader) return new BarePublisher(connection);
      const placement = JSON.stringify({ placement: { preferred: leader } });
      await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${STREAM}`, placement, { timeout: 5_000 });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    throw new Error("the two streams could not be brought to one leader");
  }

  /** One after the other, as one client does. @returns the milliseconds that each took. */
  async publishFor(seconds: number, bytes: number): Promise<number[]> {
    const client = jetstream(this.#connection);
    const data = new Uint8Array(bytes).fill(120);
    const endAtMs = performance.now() + seconds * 1_000;
    const latenciesMs: number[] = [];
    while (performance.now() < endAtMs) {
      const startedAtMs = performance.now();
      await client.publish(SUBJECT, data);
      latenciesMs.push(performance.now() - startedAtMs);
    }
    return latenciesMs;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
