/** A coordinator whose verifications are timed by phases, and whose traffic with other regions is counted. */
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import type { Bus } from "../../../services/ports/bus.ts";
import type { Verification, VerificationPhase } from "../../../services/ports/reconciliation.ts";
import { startCoordinator, type Coordinator } from "../../integration/cluster/coordinator.ts";
import { readMetrics } from "../../integration/cluster/metrics.ts";
import { round } from "../report.ts";

const COORDINATOR_REGION = "eu";
const LOOK_EVERY_MS = 5;
const DIGEST_METRIC = "forebay_checkpoint_digest_seconds";

export interface MeasuredVerification {
  readonly verification: Verification;
  readonly seconds: number;
  readonly figures: {
    readonly seconds: number;
    readonly phases_seconds: Readonly<Partial<Record<VerificationPhase, number>>>;
    /** Of the scan in the database, by region. */
    readonly digest_seconds: Readonly<Record<string, { readonly records: number; readonly rest: number }>>;
    readonly messages_between_regions: number;
    readonly bytes_between_regions: number;
  };
}

export class MeasuredCoordinator {
  readonly #cluster: LocalCluster;
  readonly #coordinator: Coordinator;
  readonly #traffic: Traffic;

  private constructor(cluster: LocalCluster, coordinator: Coordinator, traffic: Traffic) {
    this.#cluster = cluster;
    this.#coordinator = coordinator;
    this.#traffic = traffic;
  }

  static async start(cluster: LocalCluster): Promise<MeasuredCoordinator> {
    const traffic = new Traffic();
    const bed = { cluster, partitions: 1 };
    const coordinator = await startCoordinator(bed, COORDINATOR_REGION, (bus) => traffic.counting(bus));
    return new MeasuredCoordinator(cluster, coordinator, traffic);
  }

  get reconciler(): Coordinator["reconciler"] {
    return this.#coordinator.reconciler;
  }

  close(): Promise<void> {
    return this.#coordinator.close();
  }

  async verify(): Promise<MeasuredVerification> {
    const { reconciler } = this.#coordinator;
    const before = await this.#digestSeconds();
    this.#traffic.reset();
    const startedAtMs = performance.now();
    const phases = new Phases();
    const looking = setInterval(() => {
      void reconciler.list({ limit: 1 }).then(([newest]) => newest && phases.see(newest));
    }, LOOK_EVERY_MS);
    const verification = await reconciler.verifyToEnd(0).finally(() => clearInterval(looking));
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const after = await this.#digestSeconds();
    const figures = {
      seconds: round(seconds),
      phases_seconds: phases.seconds(verification.id),
      digest_seconds: Object.fromEntries(
        Object.keys(after).map((region) => [region, minus(after[region]!, before[region]!)]),
      ),
      messages_between_regions: this.#traffic.messages,
      bytes_between_regions: this.#traffic.bytes,
    };
    return { verification, seconds, figures };
  }

  /** Sums since the region's process has started. */
  async #digestSeconds(): Promise<Record<string, { records: number; rest: number }>> {
    const told = this.#cluster.regions.map(async ({ name, url }) => {
      const samples = await readMetrics(url);
      const sum = (part: string) =>
        samples.find((sample) => sample.name === `${DIGEST_METRIC}_sum` && sample.labels["part"] === part)
          ?.value ?? 0;
      return [name, { records: sum("records"), rest: sum("rest") }] as const;
    });
    return Object.fromEntries(await Promise.all(told));
  }
}

function minus(one: { records: number; rest: number }, other: { records: number; rest: number }) {
  return { records: round(one.records - other.records), rest: round(one.rest - other.rest) };
}

/** Bytes of requests and answers between the coordinator's region and others. */
class Traffic {
  messages = 0;
  bytes = 0;

  reset(): void {
    this.messages = 0;
    this.bytes = 0;
  }

  counting(bus: Bus): Bus {
    return {
      serve: (service, handler) => bus.serve(service, handler),
      request: async (request) => {
        const isBetween = request.region !== COORDINATOR_REGION;
        if (isBetween) this.#count(request.data);
        const answer = await bus.request(request);
        if (isBetween) this.#count(answer);
        return answer;
      },
    };
  }

  #count({ byteLength }: Uint8Array): void {
    this.messages += 1;
    this.bytes += byteLength;
  }
}

/** When a verification was first seen in each phase. */
class Phases {
  readonly #seen = new Map<string, { phase: VerificationPhase; atMs: number }[]>();

  see({ id, phase }: Verification): void {
    const seen = this.#seen.get(id) ?? [];
    if (seen.at(-1)?.phase !== phase) seen.push({ phase, atMs: performance.now() });
    this.#seen.set(id, seen);
  }

  seconds(id: string): Partial<Record<VerificationPhase, number>> {
    const seen = [...(this.#seen.get(id) ?? []), { phase: "done" as const, atMs: performance.now() }];
    return Object.fromEntries(
      seen
        .slice(0, -1)
        .map(({ phase, atMs }, index) => [phase, round((seen[index + 1]!.atMs - atMs) / 1_000)]),
    );
  }
}
