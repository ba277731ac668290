/** A subscription that goes on over reconnects and regions. */
import type { ServerFrame } from "../../protocol/http/feed.ts";
import type { Fields } from "../define/types.ts";
import { ForebayError, type ForebayErrorCode } from "../errors.ts";
import { onAbort, sleep } from "../platform.ts";
import type { RegionAddress } from "../regions/router.ts";
import type { Sender } from "../request/sender.ts";
import { connect, NOT_OPENED, type Interest } from "./connection.ts";
import { breakOff, placeOf, receive, startFollow, type Batch, type Follow } from "./follow.ts";
import { Inbox, OVERFULL } from "./inbox.ts";

export type { Batch, RecordChange } from "./follow.ts";

export interface SubscribeOptions {
  /** One record. */
  readonly key?: string;
  /** Records whose keys begin with it; without both, the whole collection. */
  readonly prefix?: string;
  /** Of a batch: what has changed since, in place of the state. */
  readonly cursor?: string;
  /**
   * With a cursor: keys of records that were told with `pending` above 0, and not again since. They are told as they are now:
   * what was pending may have come to nothing, which no cursor tells. With more than 256 the state is told anew.
   */
  readonly unsettled?: readonly string[];
  /** Whether states that the log has not ordered are told, too. Default true. */
  readonly pending?: boolean;
  /** Ends the subscription, without an error. */
  readonly signal?: AbortSignal;
}

const PAUSE_MS_BASE = 200;
const PAUSE_MS_MAX = 10_000;
const UNAUTHENTICATED = [4_401, 401];
const MALFORMED = 4_400;
const PROBLEM_TYPE = "urn:forebay:problem:";

interface Course {
  follow: Follow;
  /** Regions that broke off since frames have come. */
  tried: string[];
  failures: number;
  hasNewToken: boolean;
  /** The next connection, though there are WebSockets. */
  isOverHttp: boolean;
}

export async function* subscribe<F extends Fields>(
  sender: Sender,
  collection: string,
  { cursor, unsettled, signal, pending = true, ...of }: SubscribeOptions,
): AsyncGenerator<Batch<F>, void, undefined> {
  const follow = startFollow(cursor, unsettled);
  const course: Course = { follow, tried: [], failures: 0, hasNewToken: false, isOverHttp: false };
  try {
    for (;;) {
      signal?.throwIfAborted();
      const region = await sender.router.choose(course.tried);
      yield* followOnce<F>(sender, { region, course, signal, interest: { collection, pending, ...of } });
      course.follow = breakOff(course.follow);
      await pause(sender, course, signal);
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

interface Connection {
  readonly region: RegionAddress;
  readonly course: Course;
  readonly interest: Interest;
  readonly signal: AbortSignal | undefined;
}

/** Until the connection is over. @throws {ForebayError} where another one would be refused alike. */
async function* followOnce<F extends Fields>(
  sender: Sender,
  { region, course, interest, signal }: Connection,
): AsyncGenerator<Batch<F>, void, undefined> {
  const { platform } = sender;
  const token = await sender.token({ untilMs: platform.nowMs() + sender.deadlineMs, signal });
  // Aborted meanwhile, a signal calls nobody who listens from now on.
  signal?.throwIfAborted();
  const inbox = new Inbox(platform);
  const forget = onAbort(signal, () => inbox.end(0));
  const isOverHttp = course.isOverHttp || platform.webSocket === undefined;
  const of = { ...interest, ...placeOf(course.follow, isOverHttp) };
  try {
    inbox.attach(connect(platform, { url: region.url, token, isOverHttp, interest: of, arrivals: inbox }));
    for (;;) {
      const arrival = await inbox.next();
      signal?.throwIfAborted();
      const code = arrival.type === "end" ? arrival.code : endOf(arrival.frame);
      if (code !== undefined) return ended(sender, { region, course, code, token });
      const batch = arrival.type === "frame" ? accept<F>(course, arrival.frame) : undefined;
      if (batch !== undefined) yield batch;
    }
  } finally {
    forget();
    inbox.end(0);
  }
}

/** Of a frame that ends the subscription; undefined of others. @throws {ForebayError} where it would be refused again. */
function endOf(frame: ServerFrame): number | undefined {
  if (frame.type !== "problem") return undefined;
  const { type, title, detail = title, status, retry } = frame.problem;
  if (status === 401) return status;
  if (retry !== "never") return 0;
  throw refusal(type.slice(PROBLEM_TYPE.length), detail, status);
}

function accept<F extends Fields>(course: Course, frame: ServerFrame): Batch<F> | undefined {
  if (frame.type !== "state" && frame.type !== "changes") return undefined;
  course.tried = [];
  course.failures = 0;
  course.hasNewToken = false;
  const { follow, batch } = receive<F>(course.follow, frame);
  course.follow = follow;
  return batch;
}

interface End {
  readonly region: RegionAddress;
  readonly course: Course;
  readonly code: number;
  readonly token: string | undefined;
}

/** @throws {ForebayError} where another connection would end alike. */
function ended(sender: Sender, { region, course, code, token }: End): void {
  const { isInState } = course.follow;
  // Over HTTP a region says why it refuses; and a state waits there for an app that is slower than the region.
  course.isOverHttp = code === NOT_OPENED || (isInState && (code === OVERFULL || course.isOverHttp));
  if (code === OVERFULL || code === NOT_OPENED) return;
  if (code === MALFORMED)
    throw refusal("malformed-request", "the region could not read the subscription", 400);
  if (UNAUTHENTICATED.includes(code)) {
    if (course.hasNewToken) throw refusal("unauthenticated", "the credential was refused", 401);
    course.hasNewToken = true;
    sender.forgetToken(token);
    return;
  }
  course.failures += 1;
  course.tried.push(region.name);
  if (sender.router.count > 1) sender.router.report(region.name, { type: "silent", isSent: true });
}

/** None where another region has not had its turn. */
async function pause(sender: Sender, course: Course, signal: AbortSignal | undefined): Promise<void> {
  const { platform, router } = sender;
  if (course.failures === 0) return;
  const hasOther = new Set(course.tried).size < router.count;
  const ceiling = Math.min(PAUSE_MS_MAX, PAUSE_MS_BASE * 2 ** Math.min(course.failures - 1, 10));
  if (!hasOther) course.tried = [];
  await sleep(platform, platform.random() * (hasOther ? PAUSE_MS_BASE : ceiling), signal);
}

function refusal(code: string, detail: string, status: number): ForebayError {
  return new ForebayError({ code: code as ForebayErrorCode, status, retry: "never", detail });
}
