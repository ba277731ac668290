/** Many writes in few requests: each is a write of its own, with a key, a receipt or an error of its own. */
import { decidable } from "../define/collection.ts";
import type { Fields, Write } from "../define/types.ts";
import type { ForebayError } from "../errors.ts";
import { writeRequest, type Receipt } from "../receipt.ts";
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

/** A line and what becomes of it. */
interface Open {
  readonly line: Line;
  readonly written: Promise<Written>;
}

/** In the order of the writes, some hundreds at a time. `options.deadlineMs` is that of one request with its retries. */
export async function* writeMany<F extends Fields>(
  sender: Sender,
  collection: string,
  {
    writes,
    ...options
  }: CallOptions & { readonly writes: Iterable<ManyWrite<F>> | AsyncIterable<ManyWrite<F>> },
): AsyncGenerator<Written, void, undefined> {
  let open: Open[] = [];
  let characters = 0;
  const sendAll = async () => {
    const sent = open;
    [open, characters] = [[], 0];
    await sendTogether(sender, { collection, lines: sent.map(({ line }) => line) }, options);
    return Promise.all(sent.map(({ written }) => written));
  };
  for await (const write of writes) {
    const next = openLine(sender, collection, write);
    const { length } = next.line.text;
    if (open.length === LINES_MAX || (open.length > 0 && characters + length > CHARACTERS_MAX))
      yield* await sendAll();
    open.push(next);
    characters += length;
  }
  if (open.length > 0) yield* await sendAll();
}

function openLine<F extends Fields>(
  sender: Sender,
  collection: string,
  { key, write, idempotencyKey = sender.platform.uniqueName() }: ManyWrite<F>,
): Open {
  const request = writeRequest(collection, key, decidable(write));
  let line: Line | undefined;
  const written = new Promise<Written>((resolve) => {
    line = {
      text: lineText(idempotencyKey, key, request.body),
      request: { ...request, idempotencyKey },
      resolve: (receipt) => void Promise.resolve(receipt).then((told) => resolve({ key, receipt: told })),
      reject: (error) => resolve({ key, error }),
    };
  });
  return { line: line!, written };
}
