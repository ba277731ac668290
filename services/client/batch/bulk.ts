/** Many writes in few requests: each is a write of its own, with a key, a receipt or an error of its own. */
import { decidable } from "../define/collection.ts";
import type { Fields, Write } from "../define/types.ts";
import { ForebayError } from "../errors.ts";
import { checkIdempotencyKey, writeRequest, type Receipt } from "../receipt.ts";
import type { CallOptions, Sender } from "../request/sender.ts";
import { lineText, sendTogether, type Line } from "./together.ts";

export interface ManyWrite<F extends Fields> {
  readonly key: string;
  readonly write: Write<F>;
  /** Default: a new one. */
  readonly idempotencyKey?: string;
}

export type Written =
  | { readonly key: string; readonly receipt: Receipt; readonly error?: undefined }
  | { readonly key: string; readonly error: ForebayError; readonly receipt?: undefined };

/** What one request may have. */
const LINES_MAX = 500;
const CHARACTERS_MAX = 240_000;

/** In the order of the writes, some hundreds at a time. `options.deadlineMs` is that of one request with its retries. */
export async function* writeMany<F extends Fields>(
  sender: Sender,
  collection: string,
  {
    writes,
    ...options
  }: CallOptions & { readonly writes: Iterable<ManyWrite<F>> | AsyncIterable<ManyWrite<F>> },
): AsyncGenerator<Written, void, undefined> {
  let many = new Many();
  for await (const write of writes) {
    const next = lineOf(sender, collection, write);
    if (many.isFullFor(next)) {
      yield* many.send(sender, collection, options);
      many = new Many();
    }
    many.add(write.key, next);
  }
  yield* many.send(sender, collection, options);
}

type Unsettled = Pick<Line, "text" | "request">;

/** Of one request. */
class Many {
  readonly #lines: Line[] = [];
  readonly #written: (Written | undefined)[] = [];
  #characters = 0;

  isFullFor(next: Unsettled | ForebayError): boolean {
    const { length } = this.#written;
    const characters = next instanceof ForebayError ? 0 : next.text.length;
    return length === LINES_MAX || (length > 0 && this.#characters + characters > CHARACTERS_MAX);
  }

  add(key: string, next: Unsettled | ForebayError): void {
    const place = this.#written.length;
    const reject = (error: ForebayError) => void (this.#written[place] = { key, error });
    this.#written.push(undefined);
    if (next instanceof ForebayError) return reject(next);
    this.#characters += next.text.length;
    // No line of many is sent alone, so what it is told is no promise.
    const resolve = (receipt: Receipt | Promise<Receipt>) =>
      void (this.#written[place] = { key, receipt: receipt as Receipt });
    this.#lines.push({ ...next, resolve, reject });
  }

  /** @throws the signal's reason, after what is known by then. */
  async *send(
    sender: Sender,
    collection: string,
    options: CallOptions,
  ): AsyncGenerator<Written, void, undefined> {
    const lines = this.#lines;
    const failed =
      lines.length > 0 &&
      (await sendTogether(sender, { collection, lines }, options).then(
        () => false as const,
        (reason: unknown) => ({ reason }),
      ));
    for (const written of this.#written) if (written !== undefined) yield written;
    if (failed) throw failed.reason;
  }
}

/** @returns what is wrong with a write, which keeps no other one back. */
function lineOf<F extends Fields>(
  sender: Sender,
  collection: string,
  { key, write, idempotencyKey = sender.platform.uniqueName() }: ManyWrite<F>,
): Unsettled | ForebayError {
  try {
    checkIdempotencyKey(idempotencyKey);
    const request = writeRequest(collection, key, decidable(write));
    return { text: lineText(idempotencyKey, key, request.body), request: { ...request, idempotencyKey } };
  } catch (error) {
    if (error instanceof ForebayError) return error;
    throw error;
  }
}
