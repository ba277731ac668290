/**
 * Requests that need the newer versions of entries: schemas with indexed fields are refused until all members read them;
 * writes with a trace are taken, and go without it. A version that comes with something else needs requests for it here.
 */
import { idempotentOperationId } from "../../services/core/operation-id.ts";
import type { CollectionSchema } from "../../services/core/schema.ts";
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { GatewayError } from "../../services/gateway/errors.ts";
import { ENTRY_VERSION, TRACES_VERSION } from "../../services/protocol/entry-codec.ts";
import type { RegionProcess, SimulatedCluster } from "./cluster.ts";
import type { VersionChecks } from "./version-checks.ts";
import { COLLECTION, TENANT } from "./workload.ts";
import { Process } from "./world.ts";

const INDEXED_SCHEMA: CollectionSchema = { fields: { price: { class: "lww", type: "number", index: true } } };
const TIMEOUT_MS = 2_500;

export class NewerRequests {
  readonly #cluster: SimulatedCluster;
  readonly #checks: VersionChecks;
  readonly failures: unknown[] = [];
  isOver = false;
  /** Schemas that were refused since not all members read them. */
  refused = 0;
  /** Schemas that were taken. */
  taken = 0;

  constructor(cluster: SimulatedCluster, checks: VersionChecks) {
    this.#cluster = cluster;
    this.#checks = checks;
  }

  start(): void {
    for (const name of ["indexing", "tracing"] as const)
      this.#client(name).catch((error: unknown) => this.failures.push(error));
  }

  async #client(name: "indexing" | "tracing"): Promise<void> {
    const { world } = this.#cluster;
    const process = new Process(world, name);
    for (let number = 0; !this.isOver; number += 1) {
      await process.pass(world.random.integer(100, 1_500));
      const version = name === "indexing" ? ENTRY_VERSION : TRACES_VERSION;
      // Older software knows of no such requests.
      const knowing = this.#processes().filter(({ slot }) => slot.reads >= version);
      if (knowing.length === 0) continue;
      const { gateway } = world.random.pick(knowing);
      const work = name === "indexing" ? this.#index(gateway) : this.#trace(gateway, number);
      await Promise.race([work, process.pass(TIMEOUT_MS + 500)]);
    }
  }

  #processes(): RegionProcess[] {
    return this.#cluster.regions.flatMap(({ processes }) => processes);
  }

  async #index(gateway: RegionProcess["gateway"]): Promise<void> {
    const name = this.#cluster.world.random.pick(["offers", "articles"]);
    const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: TIMEOUT_MS };
    try {
      await gateway.putCollection({ ...context, name, schema: INDEXED_SCHEMA });
      this.taken += 1;
    } catch (error) {
      if (error instanceof GatewayError && error.code === "not-supported-yet") this.refused += 1;
      this.#checkClear(error);
    }
  }

  async #trace(gateway: RegionProcess["gateway"], number: number): Promise<void> {
    const { random } = this.#cluster.world;
    const trace = `00-${String(number + 1).padStart(32, "0")}-00000000000000aa-01`;
    const idempotencyKey = `traced-${number}`;
    this.#checks.traced.add(idempotentOperationId(TENANT, idempotencyKey));
    const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: TIMEOUT_MS, trace, idempotencyKey };
    const target = { ...context, collection: COLLECTION, key: `traced-${random.integer(0, 2)}` };
    try {
      if (random.chance(0.3)) await gateway.restore(target);
      else await gateway.write({ ...target, body: { set: { name: trace } }, waitCommitted: false });
    } catch (error) {
      this.#checkClear(error);
    }
  }

  /** As of any request: it may be refused, and its process may die. */
  #checkClear(error: unknown): void {
    const isClear = error instanceof Error && ["GatewayError", "StoreUnavailableError"].includes(error.name);
    if (!isClear && !/died/.test(String(error))) this.failures.push(error);
  }
}
