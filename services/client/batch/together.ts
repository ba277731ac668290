/**
 * Changes in one request, in which each has a key and an end of its own. What is refused for now goes again, with what else
 * is, by the same policy as a request of its own.
 */
import type { ImportAnswer } from "../../protocol/http/import.ts";
import { ForebayError, type ForebayErrorCode } from "../errors.ts";
import { sleep } from "../platform.ts";
import { receiptOf, type Receipt } from "../receipt.ts";
import { rejectionOf } from "../rejection.ts";
import type { RegionAddress } from "../regions/router.ts";
import { problemIn } from "../request/attempt.ts";
import { judgeTry, NEW_CHASE, type Chase, type Decision } from "../request/policy.ts";
import type { CallOptions, ClientRequest, Ran, Sender } from "../request/sender.ts";

export interface Line {
  /** With `id`, its key. */
  readonly text: string;
  /** The same in a request of its own, under its key. */
  readonly request: ClientRequest;
  /** Sends that, where a line can't tell enough of what became of it. */
  readonly alone?: () => Promise<Receipt>;
  readonly resolve: (receipt: Receipt | Promise<Receipt>) => void;
  readonly reject: (error: ForebayError) => void;
}

type Told = ImportAnswer["lines"][number];

/** A line that has no end yet, and what is known of it. */
interface Open {
  readonly line: Line;
  readonly chase: Chase;
}

interface Again extends Open {
  readonly error: ForebayError;
  readonly decision: Decision & { readonly next: "retry" };
}

/** The request as a whole may be at fault, and no line of it; or the region knows none that has lines. */
const OF_THE_WHOLE: ReadonlySet<ForebayErrorCode> = new Set<ForebayErrorCode>([
  "route-not-found",
  "body-too-large",
  "malformed-body",
  "malformed-answer",
  "unsupported-media-type",
]);

export function lineText(id: string, key: string, body: string): string {
  return `${JSON.stringify({ id, key }).slice(0, -1)}${body === "{}" ? "" : ","}${body.slice(1)}`;
}

/**
 * @param together `onAnswered` is called once the first request is answered, or has failed.
 * @throws the signal's reason; what becomes of the lines they are told.
 */
export async function sendTogether(
  sender: Sender,
  { collection, lines, onAnswered }: { collection: string; lines: readonly Line[]; onAnswered?: () => void },
  { deadlineMs = sender.deadlineMs, signal }: CallOptions = {},
): Promise<void> {
  const { platform } = sender;
  const untilMs = platform.nowMs() + deadlineMs;
  const post = {
    method: "POST",
    path: `/v1/collections/${collection}/import`,
    headers: { "content-type": "application/x-ndjson" },
    isChange: true,
  };
  const sendAll = async (open: readonly Open[], stay?: RegionAddress): Promise<void> => {
    const body = open.map(({ line }) => line.text).join("\n");
    const request = {
      ...post,
      body,
      isTake: open.some(({ line }) => line.request.isTake === true),
      // Of many the log decides some, perhaps; what gathers is local.
      isLocal: open.every(({ line }) => line.alone !== undefined),
    };
    const leftMs = Math.max(1, untilMs - platform.nowMs());
    // They have come here together. A doubt is each line's own.
    const before = {
      chase: { ...open[0]!.chase, isInDoubt: false, doubtIn: undefined },
      ...(stay && { region: stay }),
    };
    const ran = await sender.run(request, { deadlineMs: leftMs, ...(signal && { signal }) }, before);
    onAnswered?.();
    const again = open.flatMap((one, index) => settle(sender, one, { ran, index, untilMs }));
    // Those of one record go where the first of them does, so that they stay in their order.
    const staying = new Map(
      again.toReversed().map(({ line, decision }) => [line.request.path, decision.stay]),
    );
    await Promise.all([goOn(true), goOn(false)]);

    async function goOn(stays: boolean): Promise<void> {
      const some = again.filter(({ line }) => staying.get(line.request.path) === stays);
      if (some.length === 0) return;
      const delayMs = Math.max(...some.map(({ decision }) => decision.delayMs));
      const waitMs = sender.takeRetry(delayMs, untilMs);
      if (waitMs === undefined) return some.forEach((one) => fail(sender, one, one.error));
      await sleep(platform, waitMs, signal);
      await sendAll(some, stays ? ran.region : undefined);
    }
  };
  await sendAll(lines.map((line) => ({ line, chase: NEW_CHASE })));
}

/** @returns what goes again; all else has its end. */
function settle(
  sender: Sender,
  { line, chase: before }: Open,
  { ran, index, untilMs }: { ran: Ran; index: number; untilMs: number },
): readonly Again[] {
  const isInDoubt = before.isInDoubt || ran.chase.isInDoubt;
  const { tried, doubtIn } = ran.chase;
  const chase = { ...before, isInDoubt, doubtIn: before.doubtIn ?? doubtIn, tried };
  const { error, region } = ran;
  const { alone } = line;
  if (error !== undefined) {
    if (alone !== undefined && !isInDoubt && OF_THE_WHOLE.has(error.code)) line.resolve(alone());
    else fail(sender, { line, chase }, error);
    return [];
  }
  const told = (ran.body as Partial<ImportAnswer> | undefined)?.lines?.[index] ?? undefined;
  if (told === undefined) fail(sender, { line, chase: { ...chase, isInDoubt: true } }, TOO_FEW_LINES());
  else if (told.status === "refused")
    return judged(sender, { line, chase }, { told, region: region!, untilMs });
  else if (told.status === "rejected") line.reject(rejectionOf(told));
  else {
    const receipt = receiptOf(sender, { ...told, region: region!.name });
    // What is known stays known, whatever becomes of the look.
    const tellsMore = alone !== undefined && told.status === "superseded";
    line.resolve(tellsMore ? alone().catch(() => receipt) : receipt);
  }
  return [];
}

function judged(
  sender: Sender,
  { line, chase: before }: Open,
  context: { told: Told & { status: "refused" }; region: RegionAddress; untilMs: number },
): readonly Again[] {
  const { told, region, untilMs } = context;
  const { problem, retry_after_s: seconds } = told;
  const error = new ForebayError(problemIn(problem));
  const retryAfterMs = seconds === undefined ? undefined : seconds * 1_000;
  const outcome = { type: "refused", problem: error.problem, retryAfterMs, session: undefined } as const;
  const { platform, router } = sender;
  const { chase, decision } = judgeTry(before, outcome, {
    isChange: true,
    isTake: line.request.isTake === true,
    region: region.name,
    regions: router.count,
    canRenewToken: false,
    leftMs: untilMs - platform.nowMs(),
    fraction: platform.random(),
  });
  if (decision.next === "retry") return [{ line, chase, error, decision }];
  fail(sender, { line, chase }, error);
  return [];
}

function fail(sender: Sender, { line, chase }: Open, error: ForebayError): void {
  line.reject(sender.failure(line.request, chase, error));
}

/** It may have been taken all the same. */
const TOO_FEW_LINES = () =>
  new ForebayError({ code: "malformed-answer", status: 200, retry: "ask", detail: "too few lines" });
