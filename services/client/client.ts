/** The client of a cluster: made once per app, or per user where each has a session of its own. */
import { CollectionClient, sendChange, type ChangeOptions } from "./collection-client.ts";
import type { Collection, TransactionPart } from "./define/collection.ts";
import type { Fence, Fields } from "./define/types.ts";
import { Gather } from "./batch/gather.ts";
import { acquireLease, type Lease, type LeaseOptions } from "./lease.ts";
import { systemPlatform, type Platform, type SocketConstructor } from "./platform.ts";
import { bodyOf, receiptOf, type Receipt } from "./receipt.ts";
import { BUDGET_DEFAULT, type BudgetLimits } from "./request/budget.ts";
import { isCredential } from "./request/credential.ts";
import { LANE_LIMITS_DEFAULT, type LaneLimits } from "./request/lane.ts";
import { Sender, type CallOptions } from "./request/sender.ts";
import type { Session } from "./session/session.ts";

export interface ClientOptions {
  /** URL of each region, by name. The nearest one is found by measuring; before that, in this order. */
  readonly regions: { readonly [name: string]: string };
  /** Of a service. */
  readonly key?: string;
  /** Of a user: asked for when it is needed first, and again once it is refused. */
  readonly token?: () => Promise<string> | string;
  /** Of each call, all of its tries together. Default 15,000. */
  readonly deadlineMs?: number;
  /** Of one try; another region has its turn then. Default 5,000. */
  readonly tryMs?: number;
  readonly retryBudget?: Partial<BudgetLimits>;
  readonly limits?: Partial<LaneLimits>;
  /** What an earlier client has exported. */
  readonly session?: string;
  /** Where the platform has none, as Node.js 20, and subscriptions are not to go over HTTP. */
  readonly webSocket?: SocketConstructor;
  /** For tests: clock, randomness, fetch. */
  readonly platform?: Partial<Platform>;
}

export interface TransactionOptions extends ChangeOptions {
  readonly fence?: Fence;
}

const DEADLINE_MS_DEFAULT = 15_000;
const TRY_MS_DEFAULT = 5_000;

export class ForebayClient {
  readonly session: Session;
  readonly #sender: Sender;
  readonly #gathers = new Map<string, Gather>();

  constructor(options: ClientOptions) {
    const { webSocket, platform, session } = options;
    const given = { ...platform, ...(webSocket !== undefined && { webSocket }) };
    this.#sender = new Sender(systemPlatform(given), senderOptions(options));
    this.session = this.#sender.session;
    if (session !== undefined) this.session.import(session);
  }

  /** The region that the last request went to; undefined before the first. */
  get region(): string | undefined {
    return this.#sender.router.current;
  }

  collection<F extends Fields>(collection: Collection<F>): CollectionClient<F> {
    const { name } = collection;
    const gather = this.#gathers.get(name) ?? new Gather(this.#sender, name);
    this.#gathers.set(name, gather);
    return new CollectionClient(this.#sender, collection, gather);
  }

  /**
   * Sets the collection's schema, through the log: fields may be added, deprecated, widened. The same again changes nothing.
   * @throws {OutcomeUnknownError} where nobody has said in time whether it is in force.
   */
  async apply(collection: Collection<Fields>, options: CallOptions = {}): Promise<{ version: number }> {
    const path = `/v1/collections/${collection.name}`;
    const body = JSON.stringify(collection.schema);
    const request = { method: "PUT", path, body, isChange: true };
    const { version } = (await this.#sender.send(request, options)) as { version: number };
    return { version };
  }

  /**
   * All of it takes effect at one position of the log, or nothing. The records have to be in one partition: give their keys
   * the same `{tag}`.
   * @throws {ForebayError} what stands against it, with `write`, the index of the part.
   */
  async transaction(parts: readonly TransactionPart[], options: TransactionOptions = {}): Promise<Receipt> {
    const { fence } = options;
    const body = bodyOf({ writes: parts, ...(fence !== undefined && { fence }) });
    return sendChange(this.#sender, { method: "POST", path: "/v1/transactions", body }, options);
  }

  /** @throws {ForebayError} lease-held. */
  lease(name: string, options: LeaseOptions): Promise<Lease> {
    return acquireLease(this.#sender, name, options);
  }

  /**
   * What became of a change, in any region.
   * @param options `expiresAtMs` as an `OutcomeUnknownError` has it: then it can also turn out to be without effect for ever.
   * @returns `undecided` and `expired` where it has no receipt.
   * @throws {ForebayError} operation-not-found.
   */
  async operation(
    id: string,
    options: CallOptions & { readonly expiresAtMs?: number } = {},
  ): Promise<
    Receipt | { readonly operation: string; readonly status: "undecided" | "expired" | "rejected" }
  > {
    const { expiresAtMs } = options;
    const query = expiresAtMs === undefined ? "" : `?expires_at_ms=${expiresAtMs}`;
    const answer = await this.#sender.send({ method: "GET", path: `/v1/operations/${id}${query}` }, options);
    const { operation, status } = answer as { operation: string; status: string };
    if (status === "undecided" || status === "expired" || status === "rejected") return { operation, status };
    return receiptOf(this.#sender, answer);
  }
}

/** @throws {TypeError} says what is wrong with the options. */
export function createClient(options: ClientOptions): ForebayClient {
  return new ForebayClient(options);
}

function senderOptions(options: ClientOptions) {
  const { key, token, deadlineMs = DEADLINE_MS_DEFAULT, tryMs = TRY_MS_DEFAULT } = options;
  const regions = Object.entries(options.regions).map(([name, url]) => ({
    name,
    url: url.replace(/\/+$/, ""),
  }));
  if (regions.length === 0) throw new TypeError("regions has the URL of one region at least, by its name");
  for (const { name, url } of regions)
    if (!/^https?:\/\//.test(url))
      throw new TypeError(`the URL of region ${name} begins with http, not ${url}`);
  if (key !== undefined && token !== undefined)
    throw new TypeError("a client has a key or a token, not both");
  if (key !== undefined && !isCredential(key))
    throw new TypeError("key is a text of printable ASCII characters");
  return {
    regions,
    credential: token ?? (key === undefined ? undefined : () => key),
    canRenewCredential: token !== undefined,
    deadlineMs,
    tryMs,
    budget: { ...BUDGET_DEFAULT, ...options.retryBudget },
    lanes: { ...LANE_LIMITS_DEFAULT, ...options.limits },
  };
}
