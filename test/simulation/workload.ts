/**
 * Clients of a simulated cluster: write everywhere, retry what is unknown under the same idempotency key, also in
 * another region, and read their own writes back wherever they are.
 */
import { showFields } from "../../services/core/record.ts";
import type { CollectionSchema } from "../../services/core/schema.ts";
import { EMPTY_SESSION, type Session } from "../../services/core/session.ts";
import { idempotentOperationId } from "../../services/core/operation-id.ts";
import { partitionOf } from "../../services/core/partition.ts";
import { GatewayError } from "../../services/gateway/errors.ts";
import type { WriteResult } from "../../services/gateway/gateway.ts";
import { ACCOUNTS, ACCOUNTS_SCHEMA } from "./accounts.ts";
import type { Checker } from "./checker.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { require } from "./require.ts";
import type { Restores } from "./restores.ts";
import { GOODS, GOODS_SCHEMA } from "./stock.ts";
import { Process, type World } from "./world.ts";

export const TENANT = "default";
export const COLLECTION = "things";
export const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    total: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    settings: { class: "merge", kind: "map" },
    choice: { class: "merge", kind: "register" },
    highest: { class: "merge", kind: "max" },
    lowest: { class: "merge", kind: "min" },
  },
};

/** Records that come and go by themselves. */
const VISITS = "visits";
const VISITS_SCHEMA: CollectionSchema = {
  fields: { page: { class: "lww" }, count: { class: "merge", kind: "counter" } },
  ttlMs: 1_000,
  tombstoneRetentionMs: 1_000,
};

const CLIENT_TIMEOUT_MS = 2_500;
const KEYS = ["a", "b", "c", "{tag}d", "{tag}e", "f", "g/h", "é"];

/** A request as the client knows it, over all its tries. */
interface Request {
  readonly id: string;
  readonly key: string;
  readonly increment: number;
  acknowledged: boolean;
}

export class Workload {
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #checker: Checker;
  readonly requests = new Map<string, Request>();
  readonly failures: unknown[] = [];
  readonly #visits: { name: string; key: string; body: Record<string, unknown>; isRemoval: boolean }[] = [];
  isOver = false;
  acknowledged = 0;
  sessionReads = 0;

  readonly #restores: Restores | undefined;

  constructor(cluster: SimulatedCluster, checker: Checker, restores?: Restores) {
    this.#restores = restores;
    this.#world = cluster.world;
    this.#cluster = cluster;
    this.#checker = checker;
  }

  /** Starts clients that go on until `isOver`. */
  start(clients: number): void {
    for (let number = 0; number < clients; number += 1) {
      this.#client(number).catch((error: unknown) => this.failures.push(error));
    }
  }

  async putCollections(): Promise<void> {
    const process = new Process(this.#world, "administrator");
    const collections = {
      [COLLECTION]: SCHEMA,
      [ACCOUNTS]: ACCOUNTS_SCHEMA,
      [VISITS]: VISITS_SCHEMA,
      [GOODS]: GOODS_SCHEMA,
    };
    // At once: under trouble from the start each of them may take long.
    await Promise.all(
      Object.entries(collections).map(([name, schema]) => this.#putCollection(process, { name, schema })),
    );
  }

  async #putCollection(
    process: Process,
    collection: { name: string; schema: CollectionSchema },
  ): Promise<void> {
    for (;;) {
      const { gateway } = this.#anyProcess(this.#cluster.regions[0]!) ?? {};
      const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: 5_000 };
      const put = gateway?.putCollection({ ...context, ...collection });
      const done = put?.then(() => true).catch(() => false);
      const timeout = process.pass(6_000).then(() => false);
      if ((await Promise.race([done ?? Promise.resolve(false), timeout])) === true) return;
      await process.pass(200);
    }
  }

  async #client(number: number): Promise<void> {
    const process = new Process(this.#world, `client-${number}`);
    const { random } = this.#world;
    let session: Session = EMPTY_SESSION;
    let raised = 0;
    let requestNumber = 0;
    while (!this.isOver) {
      await process.pass(random.integer(5, 150));
      requestNumber += 1;
      const name = `client-${number}-${requestNumber}`;
      if (random.chance(0.3)) {
        session = await this.#raiseAndRead({ process, number, value: raised + 1, name, session });
        raised += 1;
      } else if (random.chance(0.15)) {
        await this.#visit({ process, name, session });
      } else if (random.chance(0.05)) {
        await this.#deleteOrRestore({ process, name, session });
      } else {
        await this.#writeAnything({ process, name, session });
      }
    }
  }

  async #writeAnything(input: { process: Process; name: string; session: Session }): Promise<void> {
    const { random } = this.#world;
    const key = random.pick(KEYS);
    const increment = random.chance(0.5) ? random.integer(-5, 10) : 0;
    const body = { ...this.#randomBody(), ...(increment === 0 ? {} : { inc: { total: increment } }) };
    await this.#writeUntilKnown({ ...input, key, increment, body });
  }

  /** What has expired is forgotten at one position of the log in all regions; their digests tell. */
  async #visit(input: { process: Process; name: string; session: Session }): Promise<void> {
    const { process, name, session } = input;
    const { random } = this.#world;
    const gateway = this.#anyProcess(random.pick(this.#cluster.regions))?.gateway;
    const context = { tenant: TENANT, session, deadlineMs: CLIENT_TIMEOUT_MS };
    const key = random.pick(["x", "y", "z"]);
    const body = { set: { page: random.integer(0, 9) }, inc: { count: 1 } };
    const isRemoval = random.chance(0.2);
    // Some come again after a long time, when they may be forgotten: then they take effect anew, everywhere alike.
    const visit = random.chance(0.2)
      ? random.pick([...this.#visits, { name, key, body, isRemoval }])
      : { name, key, body, isRemoval };
    if (visit.name === name) this.#visits.push(visit);
    const target = { ...context, idempotencyKey: visit.name, collection: VISITS, key: visit.key };
    const work = visit.isRemoval
      ? gateway?.remove(target)
      : gateway?.write({ ...target, body: visit.body, waitCommitted: false });
    const answer = work?.catch((error: unknown) => this.#refused(error));
    await Promise.race([answer, process.pass(CLIENT_TIMEOUT_MS + 500)]);
  }

  /** Deletes meet what other regions have buffered; whatever comes of it, all regions and the totals have to agree. */
  async #deleteOrRestore(input: { process: Process; name: string; session: Session }): Promise<void> {
    const { process, name, session } = input;
    const { random } = this.#world;
    const gateway = this.#anyProcess(random.pick(this.#cluster.regions))?.gateway;
    const target = { collection: COLLECTION, key: random.pick(KEYS) };
    const request = {
      tenant: TENANT,
      session,
      deadlineMs: CLIENT_TIMEOUT_MS,
      idempotencyKey: name,
      ...target,
    };
    const deciding = random.chance(0.4) ? gateway?.remove(request) : gateway?.restore(request);
    const answer = deciding?.catch((error: unknown) => this.#refused(error));
    await Promise.race([answer, process.pass(CLIENT_TIMEOUT_MS + 500)]);
  }

  #randomBody(): Record<string, unknown> {
    const { random } = this.#world;
    const word = () => random.pick(["red", "green", "blue", "constructor"]);
    switch (random.integer(0, 6)) {
      case 0:
        return { set: { name: `${word()} ${random.integer(0, 99)}` } };
      case 1:
        return { unset: ["name"] };
      case 2:
        return { add: { tags: [word(), word()] } };
      case 3:
        return { remove: { tags: [word()] } };
      case 4:
        return random.chance(0.5)
          ? { put: { settings: { [word()]: random.integer(0, 9) } } }
          : { drop: { settings: [word()] } };
      case 5:
        return { set: { choice: { [word()]: random.integer(0, 9), b: 1, a: 2 } } };
      default:
        return { raise: { highest: random.integer(0, 999) }, lower: { lowest: random.integer(0, 999) } };
    }
  }

  /** Tries until an answer came, or gives up with the outcome unknown. Each try may go to another region. */
  async #writeUntilKnown(input: {
    process: Process;
    name: string;
    session: Session;
    key: string;
    increment: number;
    body: Record<string, unknown>;
  }): Promise<{ region: SimulatedRegion; result: WriteResult } | undefined> {
    const { process, name, key, increment, body, session } = input;
    const { random } = this.#world;
    const id = idempotentOperationId(TENANT, name);
    const request = { id, key, increment, acknowledged: false };
    this.requests.set(id, request);
    let region = random.pick(this.#cluster.regions);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      if (random.chance(0.3)) region = random.pick(this.#cluster.regions);
      const result = await this.#try({ process, region, name, key, body, session });
      if (result !== undefined) {
        this.acknowledged += 1;
        request.acknowledged = true;
        this.#checker.checkAcknowledged(region, id);
        this.#world.trace(`acknowledged ${name} by ${region.name} ${result.status}`);
        // Some answers are lost on the way to the client, who then sends the same again.
        if (random.chance(0.9)) return { region, result };
      }
      await process.pass(random.integer(10, 400));
    }
    return undefined;
  }

  async #try(input: {
    process: Process;
    region: SimulatedRegion;
    name: string;
    key: string;
    body: Record<string, unknown>;
    session: Session;
  }): Promise<WriteResult | undefined> {
    const { process, region, name, key, body, session } = input;
    const gateway = this.#anyProcess(region)?.gateway;
    if (gateway === undefined) return undefined;
    const context = { tenant: TENANT, session, deadlineMs: CLIENT_TIMEOUT_MS };
    const write = gateway.write({
      ...context,
      collection: COLLECTION,
      key,
      body,
      idempotencyKey: name,
      waitCommitted: false,
    });
    const answer = write.catch((error: unknown) => this.#refused(error));
    return Promise.race([answer, process.pass(CLIENT_TIMEOUT_MS + 500).then(() => undefined)]);
  }

  /** Gateways may refuse; anything but a clear refusal is a bug. */
  #refused(error: unknown): undefined {
    const isClear = error instanceof Error && ["GatewayError", "StoreUnavailableError"].includes(error.name);
    if (!isClear && !/died/.test(String(error))) this.failures.push(error);
    return undefined;
  }

  /** I11: a client that takes its session along reads its own writes in any region. */
  async #raiseAndRead(input: {
    process: Process;
    number: number;
    value: number;
    name: string;
    session: Session;
  }): Promise<Session> {
    const { process, number, value } = input;
    const key = `client-${number}`;
    const written = await this.#writeUntilKnown({
      ...input,
      key,
      increment: 0,
      body: { raise: { highest: value } },
    });
    const session = written?.result.session ?? input.session;
    if (written === undefined) return session;
    const region = this.#world.random.pick(this.#cluster.regions);
    const gateway = this.#anyProcess(region)?.gateway;
    if (gateway === undefined) return session;
    const context = { tenant: TENANT, session, deadlineMs: CLIENT_TIMEOUT_MS };
    let isOver = false;
    const read = gateway
      .read({ ...context, collection: COLLECTION, key, consistency: "session" })
      .catch((error: unknown) => {
        isOver = error instanceof GatewayError && error.code === "session-lost";
        return this.#refused(error);
      });
    const result = await Promise.race([read, process.pass(CLIENT_TIMEOUT_MS + 500).then(() => undefined)]);
    if (isOver) return EMPTY_SESSION;
    if (result === undefined) return session;
    this.sessionReads += 1;
    const seen = Number(result.fields["highest"]);
    // The next to be written is higher: it must not rest on what is lost.
    if (this.#isLost(written.result.operation)) return EMPTY_SESSION;
    // A database that went back shows what was there then, until it has folded on to where it was.
    if ([region, written.region].some(({ name }) => this.#cluster.wentBack.has(name))) return EMPTY_SESSION;
    require(seen >= value, "I11", `client ${number} wrote ${value} and read ${seen} in ${region.name}`);
    return result.session;
  }

  /** It was in no other WAL than one that is gone. */
  #isLost(id: string): boolean {
    return this.#restores?.lost.has(id) === true;
  }

  #anyProcess(region: SimulatedRegion) {
    return region.processes.length === 0 ? undefined : this.#world.random.pick(region.processes);
  }

  /** Nothing acknowledged is lost, nothing is applied twice, and every region says the same of every operation. */
  checkOutcomes(): void {
    const { partitions } = this.#cluster.options;
    for (const request of this.requests.values()) {
      const partition = partitionOf({ tenant: TENANT, key: request.key }, partitions);
      const said = this.#cluster.regions.map((region) => region.database.outcome(partition, request.id));
      const first = JSON.stringify(said[0]);
      require(said.every(
        (outcome) => JSON.stringify(outcome) === first,
      ), "I6", `regions disagree on ${request.id}`);
      const isKept = request.acknowledged && !this.#isLost(request.id);
      require(!isKept || said[0] !== undefined, "I1", `acknowledged operation ${request.id} is lost`);
    }
    for (const key of KEYS) this.#checkTotal(key);
  }

  #checkTotal(key: string): void {
    const partition = partitionOf({ tenant: TENANT, key }, this.#cluster.options.partitions);
    for (const { database, name } of this.#cluster.regions) {
      const outcomes = database.outcomes(partition);
      const taken = [...this.requests.values()].filter(
        (request) => request.key === key && outcomes.get(request.id)?.status === "committed",
      );
      const expected = taken.reduce((sum, request) => sum + request.increment, 0);
      const record = database.readRecord({
        partition,
        tenant: TENANT,
        collection: COLLECTION,
        key,
      }).committed;
      const total = Number(showFields(record?.fields ?? {})["total"] ?? 0);
      require(total ===
        expected, "I4", `${name} counts ${total} for ${key}, the requests add up to ${expected}`);
    }
  }
}
