/** A simulated world that answers lines, for what is sent together. */
import {
  authoritative,
  counter,
  createClient,
  defineCollection,
  escrow,
  lww,
  type ClientOptions,
} from "../../../services/client/index.ts";
import { accepted, problem, type SimulatedWorld, type Asked, type Behaviour } from "./simulated.ts";

export const posts = defineCollection("posts", {
  likes: counter(),
  name: lww.string(),
  stock: escrow(),
  status: authoritative.string(),
});

export interface SentLine {
  readonly id: string;
  readonly key: string;
  readonly take?: object;
  readonly set?: { readonly name?: string; readonly status?: string };
}

export const LIKE = { inc: { likes: 1 } } as const;
export const TAKEN = { status: "accepted", operation: "an-id" };

export const isImport = ({ path }: Asked) => path === "/v1/collections/posts/import";
export const linesOf = ({ body }: Asked): SentLine[] =>
  body!.split("\n").map((text) => JSON.parse(text) as SentLine);

export function refusedLine(code: string, status: number, more: object = {}): object {
  const { retry_after_s, ...members } = more as { retry_after_s?: number };
  const body = { ...(problem(code, status) as { body: object }).body, ...members };
  return { status: "refused", problem: body, ...(retry_after_s !== undefined && { retry_after_s }) };
}

/** Lines are answered as told, after so long; everything else is accepted. */
export function answeringLines(
  told: (line: SentLine, asked: Asked) => object = () => TAKEN,
  delayMs = 10,
): (asked: Asked) => Behaviour {
  return (asked) =>
    isImport(asked)
      ? { body: { lines: linesOf(asked).map((line) => told(line, asked)) }, delayMs }
      : { ...(accepted(asked.region) as object), delayMs };
}

export function postsOf(world: SimulatedWorld, options: Partial<ClientOptions> = {}) {
  return createClient({ regions: { eu: "http://eu" }, platform: world.platform, ...options }).collection(
    posts,
  );
}

export async function collected<T>(many: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of many) all.push(one);
  return all;
}

export const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error("it has not failed")),
    (error: Error) => error,
  );
