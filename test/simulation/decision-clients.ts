/**
 * Clients whose writes the log decides: they move money, claim names, hold leases and write under their fences, and read
 * linearizably. What they are told, in every region and at every try, has to agree with what the log came to.
 */
import type { OperationOutcome } from "../../services/core/fold/state.ts";
import { idempotentOperationId } from "../../services/core/operation-id.ts";
import { partitionOf } from "../../services/core/partition.ts";
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { GatewayError } from "../../services/gateway/errors.ts";
import type { ChangeContext, Gateway, WriteResult } from "../../services/gateway/gateway.ts";
import { ACCOUNT_KEYS, ACCOUNTS, FUNDING } from "./accounts.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { require } from "./require.ts";
import { Process, type World } from "./world.ts";

const TENANT = "default";
const TRIES_MAX = 4;
const EMAILS = ["a@x", "b@x", "c@x"];
/** In the partition of the accounts: a fence is decided where its lease is. */
const LEASE = `{${ACCOUNTS}}lease`;
/** Answers that say that this try has no effect. */
const CERTAIN = [
  "no-quorum",
  "overloaded",
  "session-behind",
  "session-lost",
  "not-a-member",
  "starting",
  "not-supported-yet",
  "expired",
  "unknown-collection",
];

type Send = (gateway: Gateway, context: ChangeContext) => Promise<WriteResult>;

/** A request over all its tries, as its client knows it. */
interface Request {
  readonly id: string;
  /** What each try was answered with. */
  readonly answers: ("committed" | "rejected" | "dead" | "unknown")[];
  committed?: WriteResult;
  /** Of the tries whose outcome is unknown, until when they may take effect. */
  expiresAtMs?: number;
}

export class DecisionClients {
  readonly #cluster: SimulatedCluster;
  readonly #world: World;
  readonly #partition: number;
  readonly requests: Request[] = [];
  readonly failures: unknown[] = [];
  /** Highest version told committed, by key. */
  readonly #versions = new Map<string, number>();
  isOver = false;
  decided = 0;
  linearizableReads = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#world = cluster.world;
    this.#partition = partitionOf({ tenant: TENANT, key: ACCOUNTS }, cluster.options.partitions);
  }

  start(clients: number): void {
    for (let number = 0; number < clients; number += 1) {
      this.#client(number).catch((error: unknown) => this.failures.push(error));
    }
  }

  async #client(number: number): Promise<void> {
    const process = new Process(this.#world, `decider-${number}`);
    const { random } = this.#world;
    for (let count = 0; !this.isOver; count += 1) {
      await process.pass(random.integer(5, 60));
      const name = `decider-${number}-${count}`;
      const kind = random.integer(1, 8);
      if (kind <= 2) await this.#readLinearizably(process);
      else if (kind === 3) await this.#holdLease({ process, name, holder: `holder-${number}` });
      else await this.#request({ process, name, send: this.#randomWrite() });
    }
  }

  /** The accounts get what they move about. */
  async fund(): Promise<void> {
    const process = new Process(this.#world, "funder");
    for (let count = 0; ; count += 1) {
      const send: Send = (gateway, context) => gateway.transact({ ...context, body: FUNDING });
      const request = await this.#request({ process, name: `fund-${count}`, send });
      if (request.committed !== undefined || request.answers.includes("rejected")) return;
      await process.pass(500);
    }
  }

  #randomWrite(): Send {
    const { random } = this.#world;
    const key = random.pick(ACCOUNT_KEYS);
    const other = random.pick(ACCOUNT_KEYS.filter((candidate) => candidate !== key));
    const write =
      (body: object): Send =>
      (gateway, context) =>
        gateway.write({ ...context, collection: ACCOUNTS, key, body, waitCommitted: false });
    switch (random.integer(0, 6)) {
      case 0:
      case 1: {
        const amount = random.integer(1, 60);
        const writes = [
          { collection: ACCOUNTS, key, inc: { balance: -amount } },
          { collection: ACCOUNTS, key: other, inc: { balance: amount } },
        ];
        return (gateway, context) => gateway.transact({ ...context, body: { writes } });
      }
      case 2:
        return write(random.chance(0.2) ? { unset: ["email"] } : { set: { email: random.pick(EMAILS) } });
      case 3:
        return write({ set: { stage: random.pick(["new", "open", "closed"]) }, inc: { visits: 1 } });
      case 4:
        return write({
          set: { note: random.integer(0, 9) },
          authoritative: true,
          if: { fields: { stage: "open" } },
        });
      case 5:
        return (gateway, context) => gateway.remove({ ...context, collection: ACCOUNTS, key });
      default:
        return (gateway, context) => gateway.restore({ ...context, collection: ACCOUNTS, key });
    }
  }

  /** Acquires, writes under the fence once or twice, perhaps too late, and sometimes releases. */
  async #holdLease(input: { process: Process; name: string; holder: string }): Promise<void> {
    const { process, name, holder } = input;
    const { random } = this.#world;
    const ttlMs = random.pick([1_000, 3_000]);
    const acquire: Send = (gateway, context) =>
      gateway.lease({ ...context, name: LEASE, action: { type: "acquire", holder, ttlMs } });
    const grant = (await this.#request({ process, name, send: acquire })).committed;
    if (grant === undefined) return;
    const { token } = grant.results![0] as { token: number };
    for (let count = 0; count < 2; count += 1) {
      await process.pass(random.integer(0, 2_000));
      const body = {
        set: { note: name },
        authoritative: true,
        fence: { lease: LEASE, token: String(token) },
      };
      const key = random.pick(ACCOUNT_KEYS);
      const write: Send = (gateway, context) =>
        gateway.write({ ...context, collection: ACCOUNTS, key, body, waitCommitted: false });
      await this.#request({ process, name: `${name}-fenced-${count}`, send: write });
    }
    if (random.chance(0.5)) return;
    const release: Send = (gateway, context) =>
      gateway.lease({ ...context, name: LEASE, action: { type: "release", token } });
    await this.#request({ process, name: `${name}-release`, send: release });
  }

  /** Tries, in this region or another, until it is known what became of the request; or gives up. */
  async #request(input: { process: Process; name: string; send: Send }): Promise<Request> {
    const { process, name, send } = input;
    const { random } = this.#world;
    const request: Request = { id: idempotentOperationId(TENANT, name), answers: [] };
    this.requests.push(request);
    let region = random.pick(this.#cluster.regions);
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      if (random.chance(0.4)) region = random.pick(this.#cluster.regions);
      const answer = await this.#try({ process, request, region, name, send });
      request.answers.push(answer);
      const isKnown = answer === "committed" || answer === "rejected";
      // Some answers are lost on the way to the client, who then sends the same again.
      if (isKnown && random.chance(0.85)) return request;
      await process.pass(random.integer(10, 600));
      if (answer === "unknown") await this.#ask(request, process);
    }
    return request;
  }

  async #try(input: {
    process: Process;
    request: Request;
    region: SimulatedRegion;
    name: string;
    send: Send;
  }): Promise<Request["answers"][number]> {
    const { process, request, region, name, send } = input;
    const gateway = this.#anyGateway(region);
    if (gateway === undefined) return "dead";
    const deadlineMs = this.#world.random.pick([300, 1_500, 4_000]);
    const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs, idempotencyKey: name };
    const answering = send(gateway, context).then(
      (result) => this.#committed(request, region, result),
      (error: unknown) => this.#failed(request, region, error),
    );
    const timeout = process.pass(deadlineMs + 500).then(() => undefined);
    return (await Promise.race([answering, timeout])) ?? unknownForEver(request);
  }

  #committed(request: Request, region: SimulatedRegion, result: WriteResult): "committed" {
    const outcome = this.#outcomeIn(region, request.id);
    const isThere = outcome?.status === "committed" && outcome.position === result.position?.sequence;
    this.#check(isThere, "I7", `${region.name} told ${request.id} committed before it had folded that`);
    this.#check(
      !request.answers.includes("rejected"),
      "I4",
      `${request.id} was rejected, and then committed`,
    );
    this.decided += 1;
    request.committed = result;
    this.#noteVersions(result.position!.sequence, request.id);
    this.#world.trace(`committed ${request.id} ${result.position!.sequence}`);
    return "committed";
  }

  #failed(request: Request, region: SimulatedRegion, error: unknown): Request["answers"][number] {
    if (!(error instanceof GatewayError)) {
      const isClear = error instanceof Error && error.name === "StoreUnavailableError";
      if (!isClear && !/died/.test(String(error))) this.failures.push(error);
      return unknownForEver(request);
    }
    const { code, details } = error;
    if (details.position !== undefined) {
      const outcome = this.#outcomeIn(region, request.id);
      this.#check(
        outcome?.status === "rejected",
        "I7",
        `${region.name} told ${request.id} ${code} before it was so`,
      );
      this.#check(
        !request.answers.includes("committed"),
        "I4",
        `${request.id} was committed, and then ${code}`,
      );
      this.decided += 1;
      return "rejected";
    }
    if (CERTAIN.includes(code) || error.message.includes("was not")) return "dead";
    const { expiresAtMs = Infinity } = details;
    request.expiresAtMs = Math.max(request.expiresAtMs ?? 0, expiresAtMs);
    return "unknown";
  }

  /** Any region can tell, and what it tells as final stays so. */
  async #ask(request: Request, process: Process): Promise<void> {
    const { expiresAtMs, id } = request;
    if (expiresAtMs === undefined || expiresAtMs === Infinity) return;
    const gateway = this.#anyGateway(this.#world.random.pick(this.#cluster.regions));
    const asking = gateway?.operation({ tenant: TENANT, id, expiresAtMs }).catch(() => undefined);
    const report = await Promise.race([asking, process.pass(2_000).then(() => undefined)]);
    if (report?.status !== "expired") return;
    // Every try until now had its deadline then, or before: they are all dead.
    const last = request.answers.length;
    request.answers.splice(
      0,
      last,
      ...request.answers.map((answer) => (answer === "unknown" ? "dead" : answer)),
    );
    delete request.expiresAtMs;
  }

  /** The records that the operation wrote have its position as version now, or a later one. */
  #noteVersions(position: number, id: string): void {
    for (const key of ACCOUNT_KEYS) {
      for (const { database } of this.#cluster.regions) {
        const { committed } = database.readRecord({
          partition: this.#partition,
          tenant: TENANT,
          collection: ACCOUNTS,
          key,
        });
        if (committed?.version !== position) continue;
        this.#versions.set(key, Math.max(this.#versions.get(key) ?? 0, position));
      }
    }
    this.#world.trace(`noted ${id}`);
  }

  /** I12: whatever was acknowledged as committed before the read began is in it. */
  async #readLinearizably(process: Process): Promise<void> {
    const { random } = this.#world;
    const key = random.pick(ACCOUNT_KEYS);
    const region = random.pick(this.#cluster.regions);
    const least = this.#versions.get(key) ?? 0;
    const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: 2_500 };
    const reading = this.#anyGateway(region)
      ?.read({ ...context, collection: ACCOUNTS, key, consistency: "linearizable" })
      .catch(() => undefined);
    const result = await Promise.race([reading, process.pass(3_000).then(() => undefined)]);
    if (result === undefined) return;
    this.linearizableReads += 1;
    const version = Number(result.version);
    this.#check(
      version >= least,
      "I12",
      `${key} was at ${least} before ${region.name} read version ${result.version}`,
    );
    this.#versions.set(key, Math.max(this.#versions.get(key) ?? 0, version));
  }

  #outcomeIn(region: SimulatedRegion, id: string): OperationOutcome | undefined {
    // What was told before the database fell back is in the log, and will be folded again.
    return region.database.outcome(this.#partition, id) ?? region.database.lostOutcome(id);
  }

  #anyGateway(region: SimulatedRegion): Gateway | undefined {
    return region.processes.length === 0 ? undefined : this.#world.random.pick(region.processes).gateway;
  }

  /** Thrown where it is found it would reach the code under test, or a client that takes it for a refusal. */
  #check(holds: boolean, invariant: string, detail: string): void {
    try {
      require(holds, invariant, detail);
    } catch (error) {
      this.failures.push(error);
    }
  }

  /** After convergence: what clients were told is what the log says, in every region. */
  checkOutcomes(): void {
    for (const request of this.requests) {
      const said = this.#cluster.regions.map(({ database }) => database.outcome(this.#partition, request.id));
      const first = JSON.stringify(said[0]);
      require(said.every(
        (outcome) => JSON.stringify(outcome) === first,
      ), "I6", `regions disagree on ${request.id}`);
      const status = said[0]?.status;
      const told = (answer: Request["answers"][number]) => request.answers.includes(answer);
      if (told("committed"))
        require(status === "committed", "I1", `${request.id} was told committed, and is ${status}`);
      if (told("rejected"))
        require(status === "rejected", "I4", `${request.id} was told rejected, and is ${status}`);
      const isDead = request.answers.length > 0 && request.answers.every((answer) => answer === "dead");
      if (isDead) require(status === undefined, "I7", `${request.id} was told dead, and is ${status}`);
    }
  }
}

/** The client has not even heard until when the try may take effect. */
function unknownForEver(request: Request): "unknown" {
  request.expiresAtMs = Infinity;
  return "unknown";
}
