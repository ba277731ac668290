/**
 * Schemas change through the log: partition 0 decides, the others follow its decision.
 *
 * A proposal that was published but not seen again in time is unknown; its deadline in the log makes sure that it takes
 * no effect much later.
 */
import { collectionId } from "../core/fold/state.ts";
import { sha256 } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import { uuidOf } from "../core/operation-id.ts";
import { COLLECTION_NAME_PATTERN, type Collection, type CollectionSchema } from "../core/schema.ts";
import { placementProblems, schemaProblems } from "../core/schema-problems.ts";
import { encodeEntry, schemaVersion } from "../protocol/entry-codec.ts";
import { LogUnavailableError, PublishTimeoutError } from "../ports/global-log.ts";
import { StoreUnavailableError, type StoredOperation } from "../ports/region-store.ts";
import { checkMayWait } from "./admission/may-wait.ts";
import type { Catalog } from "./catalog.ts";
import type { Members } from "./decisions/members.ts";
import { GatewayError } from "./errors.ts";
import type { PutCollectionRequest } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { StorePatience } from "./store-patience.ts";

const POLL_MS = 25;
const NAME = new RegExp(COLLECTION_NAME_PATTERN);

interface Proposal {
  readonly id: string;
  readonly partition: number;
  readonly version: number | null;
  readonly request: PutCollectionRequest;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
}

export class SchemaProposer {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #members: Members;
  readonly #patience: StorePatience;

  constructor(options: GatewayOptions, parts: { catalog: Catalog; members: Members }) {
    this.#options = options;
    this.#catalog = parts.catalog;
    this.#members = parts.members;
    this.#patience = new StorePatience(options.clock);
  }

  /** @throws {GatewayError} invalid-name, invalid-schema, overloaded, schema-rejected, expired, no-quorum, outcome-unknown. */
  async put(request: PutCollectionRequest): Promise<Collection> {
    const { clock, random, partitions } = this.#options;
    checkProposal(request, partitions);
    const deadlineAtMs = clock.monotonicMs() + request.deadlineMs;
    await this.#patience.until(deadlineAtMs, this.#checkMembers(request.schema));
    const id = random.uuid(clock.nowMs());
    const proposal = { id, partition: 0, version: null, request, deadlineAtMs };
    checkMayWait(request.onWait);
    await this.#propose(proposal);
    this.#catalog.forget(0);
    const decided = await this.#find(proposal);
    const followers = Array.from({ length: partitions - 1 }, (_, index) => index + 1);
    await Promise.all(
      followers.map(async (partition) => {
        const follow = { id: uuidOf(id, String(partition)), partition, version: decided.version };
        const following = { ...request, schema: decided.schema };
        try {
          await this.#propose({ ...follow, request: following, deadlineAtMs });
        } catch (error) {
          throw followedLater(error, { id, partition });
        }
        this.#catalog.forget(partition);
      }),
    );
    return decided;
  }

  /**
   * Lets partitions follow that missed a decision, because the gateway that proposed it died in between.
   * @returns how many collections had to be proposed again.
   */
  async followUp(deadlineMs: number): Promise<number> {
    const { store, partitions, clock } = this.#options;
    const decided = await store.readCollections(0);
    let proposed = 0;
    for (let partition = 1; partition < partitions; partition += 1) {
      const held = await store.readCollections(partition);
      const versions = new Map(
        held.map((collection) => [collectionId(collection.tenant, collection.name), collection.version]),
      );
      for (const collection of decided) {
        const { tenant, name, schema, version } = collection;
        if ((versions.get(collectionId(tenant, name)) ?? 0) >= version) continue;
        // Others don't wait for it.
        if (!(await this.#isReadByAll(schema))) continue;
        const request = { tenant, name, schema, deadlineMs, session: { positions: {}, wal: {} } };
        const id = uuidOf("follow", tenant, name, String(version), String(partition), String(clock.nowMs()));
        const deadlineAtMs = clock.monotonicMs() + deadlineMs;
        await this.#propose({ id, partition, version, request, deadlineAtMs });
        this.#catalog.forget(partition);
        proposed += 1;
      }
    }
    return proposed;
  }

  async #isReadByAll(schema: CollectionSchema): Promise<boolean> {
    try {
      await this.#checkMembers(schema);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.code === "not-supported-yet") return false;
      throw error;
    }
  }

  async #checkMembers(schema: CollectionSchema): Promise<void> {
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      await this.#members.checkReading(partition, schemaVersion(schema));
    }
  }

  /** The proposal has taken effect: a database that fails only now must not make it look refused. */
  async #find({ id, partition, request, deadlineAtMs }: Proposal): Promise<Collection> {
    const { tenant, name } = request;
    try {
      const collection = await this.#catalog.find({ partition, tenant, name, deadlineAtMs });
      if (collection !== undefined) return collection;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      throw unanswered(id);
    }
    throw new Error(`collection ${name} is committed but not in the store`);
  }

  async #propose(proposal: Proposal): Promise<void> {
    const { breakers, region, clock } = this.#options;
    const { id, partition, version, request, deadlineAtMs } = proposal;
    const { tenant, name, schema } = request;
    const deadlineMs = await this.#deadlineOf(proposal);
    const requestHash = sha256(canonicalJson({ name, schema }));
    const entry = {
      kind: "schema",
      origin: region,
      id,
      requestHash,
      tenant,
      name,
      deadlineMs,
      version,
      schema,
    } as const;
    const timeoutMs = Math.max(1, deadlineAtMs - clock.monotonicMs());
    try {
      await breakers[partition]!.publish("schema", encodeEntry(entry), { timeoutMs });
    } catch (error) {
      if (error instanceof LogUnavailableError) {
        const message = "the log has no leader at the moment; the schema was not changed";
        throw new GatewayError("no-quorum", message, { retryAfterMs: 5_000 });
      }
      // Unknown: the log may still speak before the deadline.
      if (!(error instanceof PublishTimeoutError)) throw error;
    }
    await this.#awaitOutcome(proposal);
  }

  /** In log time, as it is judged by: where that is ahead of our clock, ours would say that the deadline is over already. */
  async #deadlineOf({ partition, deadlineAtMs }: Proposal): Promise<number> {
    const { store, clock } = this.#options;
    const { logTimeMs } = await this.#patience.until(deadlineAtMs, store.readPositions(partition));
    // An entry that says a fraction can't be read, by anybody.
    return Math.ceil(Math.max(clock.nowMs(), logTimeMs) + Math.max(0, deadlineAtMs - clock.monotonicMs()));
  }

  async #awaitOutcome(proposal: Proposal): Promise<void> {
    const { clock, folded } = this.#options;
    for (;;) {
      const outcome = (await this.#readIfPossible(proposal))?.outcome;
      if (outcome?.status === "committed") return;
      if (outcome !== undefined) {
        const { code, message } = outcome.rejection!;
        const problem = code === "expired" ? "expired" : "schema-rejected";
        throw new GatewayError(problem, message, { operation: proposal.id });
      }
      const leftMs = proposal.deadlineAtMs - clock.monotonicMs();
      if (leftMs <= 0) throw unanswered(proposal.id);
      await folded.wait({ clock, timeoutMs: Math.min(POLL_MS, leftMs) });
    }
  }

  /** The proposal is published: while the database is away its outcome is not yet known, rather than refused. */
  async #readIfPossible({ id, deadlineAtMs }: Proposal): Promise<StoredOperation | undefined> {
    try {
      return await this.#patience.until(deadlineAtMs, this.#options.store.readOperation(id));
    } catch (error) {
      if (error instanceof StoreUnavailableError) return undefined;
      throw error;
    }
  }
}

function unanswered(operation: string): GatewayError {
  const message =
    "the log has not answered before the deadline; ask for the operation to learn what became of it";
  return new GatewayError("outcome-unknown", message, { operation, retryAfterMs: 1_000 });
}

/** Whatever keeps a partition from following now: the schema is decided, and the next look lets the partition follow. */
function followedLater(error: unknown, { id, partition }: { id: string; partition: number }): unknown {
  if (!(error instanceof GatewayError) && !(error instanceof StoreUnavailableError)) return error;
  const message = `the schema is decided, and partition ${partition} has not followed yet; it will as soon as it can`;
  return new GatewayError("outcome-unknown", message, { operation: id, retryAfterMs: 5_000 });
}

function checkProposal(request: PutCollectionRequest, partitions: number): void {
  if (!NAME.test(request.name)) {
    throw new GatewayError("invalid-name", `a collection's name matches ${COLLECTION_NAME_PATTERN}`);
  }
  const problems = [...schemaProblems(request.schema), ...placementProblems(request.schema, partitions)];
  if (problems.length > 0) throw new GatewayError("invalid-schema", problems.join("; "));
}
