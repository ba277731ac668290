/** Records of one collection: read, listed, written, followed. */
import type { RecordAnswer, RecordListAnswer } from "../protocol/http/answers.ts";
import { writeMany, type ManyWrite, type Written } from "./batch/bulk.ts";
import { decidable, type Collection } from "./define/collection.ts";
import type { Condition, Fields, RecordOf, Write } from "./define/types.ts";
import { isForebayError } from "./errors.ts";
import { isLocal, type Gather } from "./batch/gather.ts";
import { bodyOf, checkIdempotencyKey, keyInPath, receiptOf, writeRequest, type Receipt } from "./receipt.ts";
import type { CallOptions, ClientRequest, Sender } from "./request/sender.ts";
import { lineText } from "./batch/together.ts";
import { subscribe, type Batch, type SubscribeOptions } from "./subscribe/subscription.ts";

export type Consistency =
  | { readonly consistency?: "local" | "session" | "linearizable"; readonly maxStalenessMs?: never }
  | { readonly consistency: "bounded"; readonly maxStalenessMs: number };

export type ReadOptions = CallOptions & Consistency;

export type ListOptions = ReadOptions & {
  /** Only keys that begin with it. */
  readonly prefix?: string;
  /** Over indexed fields; see the reference of the API. */
  readonly where?: string;
  /** Records of a page, 1 to 1,000. */
  readonly pageSize?: number;
};

export interface ChangeOptions extends CallOptions {
  /** Names the change: the same is done once, however often it is sent. Default: a new one. */
  readonly idempotencyKey?: string;
}

export interface WriteOptions extends ChangeOptions {
  /** `committed` waits until the log has ordered the write, for as long as the deadline allows. Default: accepted. */
  readonly until?: "accepted" | "committed";
}

export type RemoveOptions<F extends Fields> = ChangeOptions & { readonly if?: Condition<F> };

export class CollectionClient<F extends Fields> {
  readonly #sender: Sender;
  readonly #collection: Collection<F>;
  readonly #path: string;
  readonly #gather: Gather;

  constructor(sender: Sender, collection: Collection<F>, gather: Gather) {
    this.#sender = sender;
    this.#collection = collection;
    this.#gather = gather;
    this.#path = `/v1/collections/${collection.name}/records`;
  }

  /**
   * @returns undefined where there is no such record, or it is deleted.
   * @throws {ForebayError} session-behind, too-stale, no-quorum where no region can say it as asked before the deadline.
   */
  async get(key: string, options: ReadOptions = {}): Promise<RecordOf<F> | undefined> {
    this.#sender.reads(this.#collection.name);
    try {
      const request = {
        method: "GET",
        path: `${this.#recordPath(key)}?${consistencyQuery(options).toString()}`,
      };
      return recordOf<F>((await this.#sender.send(request, options)) as RecordAnswer);
    } catch (error) {
      if (isForebayError(error, "record-not-found", "record-deleted")) return undefined;
      throw error;
    }
  }

  /** Records in the order of their keys, page by page as they are taken. */
  async *list(options: ListOptions = {}): AsyncGenerator<RecordOf<F>, void, undefined> {
    this.#sender.reads(this.#collection.name);
    const { prefix, where, pageSize } = options;
    const query = consistencyQuery(options);
    if (prefix !== undefined) query.set("prefix", prefix);
    if (where !== undefined) query.set("where", where);
    if (pageSize !== undefined) query.set("limit", String(pageSize));
    for (;;) {
      const request = { method: "GET", path: `${this.#path}?${query.toString()}` };
      const page = (await this.#sender.send(request, options)) as RecordListAnswer;
      yield* page.records.map(recordOf<F>);
      if (page.next_cursor === undefined) return;
      query.set("cursor", page.next_cursor);
    }
  }

  /**
   * One operation on one record, which is made where there is none. Without options, writes that a region takes alone go
   * together where they come together.
   * @throws {ForebayError} what is wrong, or was decided against it; insufficient, of a `take`, with what is left.
   * @throws {OutcomeUnknownError} where nobody has said in time whether it took effect.
   */
  async write(key: string, write: Write<F>, options: WriteOptions = {}): Promise<Receipt> {
    const { platform, deadlineMs, limits } = this.#sender;
    const request = writeRequest(this.#collection.name, key, decidable(write));
    const idempotencyKey = platform.uniqueName();
    const mayGather =
      limits.gatherMax > 1 && Object.keys(options).length === 0 && isLocal(this.#collection.fields, write);
    const text = mayGather && lineText(idempotencyKey, key, request.body);
    if (text === false || !this.#gather.takes(text)) {
      const prefer = options.until === "committed" ? { headers: { prefer: "wait=committed" } } : {};
      return this.#change({ ...request, ...prefer }, options);
    }
    const untilMs = platform.nowMs() + deadlineMs;
    const alone = () =>
      this.#change({ ...request, isLocal: true }, { idempotencyKey, deadlineMs: untilMs - platform.nowMs() });
    return new Promise((resolve, reject) =>
      this.#gather.add({ text, request: { ...request, idempotencyKey }, untilMs, alone, resolve, reject }),
    );
  }

  /**
   * Many writes in few requests, in their order: each takes effect, or is refused, by itself, and once. They are taken as the
   * app takes the results, some hundreds ahead: a request goes once it is full, or there are no more writes.
   * @param options `deadlineMs` is that of each request.
   * @throws the signal's reason, after what is known by then.
   */
  writeMany(
    writes: Iterable<ManyWrite<F>> | AsyncIterable<ManyWrite<F>>,
    options: CallOptions = {},
  ): AsyncGenerator<Written, void, undefined> {
    return writeMany<F>(this.#sender, this.#collection.name, { ...options, writes });
  }

  /** The log decides. A deleted record takes no writes until it is restored. */
  delete(key: string, options: RemoveOptions<F> = {}): Promise<Receipt> {
    return this.#live("remove", key, options);
  }

  /** The log decides. */
  restore(key: string, options: RemoveOptions<F> = {}): Promise<Receipt> {
    return this.#live("restore", key, options);
  }

  /**
   * First what there is, then what changes, for as long as it is taken: over reconnects, and through other regions.
   * @throws {ForebayError} where the subscription is refused for good.
   */
  subscribe(options: SubscribeOptions = {}): AsyncGenerator<Batch<F>, void, undefined> {
    return subscribe<F>(this.#sender, this.#collection.name, options);
  }

  async #live(act: "remove" | "restore", key: string, options: RemoveOptions<F>): Promise<Receipt> {
    const body = bodyOf({ writes: [this.#collection[act](key, options.if)] });
    return this.#change({ method: "POST", path: "/v1/transactions", body }, options);
  }

  #change(request: ClientRequest, options: ChangeOptions): Promise<Receipt> {
    return sendChange(this.#sender, request, options);
  }

  #recordPath(key: string): string {
    return `${this.#path}/${keyInPath(key)}`;
  }
}

/** Under a key of its own, if it was given none. @throws {ForebayError} invalid-idempotency-key, as well. */
export async function sendChange(
  sender: Sender,
  request: ClientRequest,
  options: ChangeOptions,
): Promise<Receipt> {
  const { idempotencyKey = sender.platform.uniqueName() } = options;
  checkIdempotencyKey(idempotencyKey);
  return receiptOf(sender, await sender.send({ ...request, idempotencyKey }, options));
}

/** By default within the session: an app reads what it has written. */
function consistencyQuery({ consistency = "session", maxStalenessMs }: ReadOptions): URLSearchParams {
  const query = new URLSearchParams({ consistency });
  if (maxStalenessMs !== undefined) query.set("max_staleness_ms", String(maxStalenessMs));
  return query;
}

function recordOf<F extends Fields>({
  key,
  fields,
  version,
  pending,
}: RecordListAnswer["records"][number]): RecordOf<F> {
  return { key, fields: fields as RecordOf<F>["fields"], version, pending };
}
