/** Who may open a WebSocket: looked at before the upgrade. `lasting-access.ts` looks again while it lasts. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { FEED_SUBPROTOCOL } from "../../protocol/http/feed.ts";
import { authorize, type Access } from "./access.ts";
import type { Authentication } from "./authentication.ts";
import { isFromOwnPage } from "./own-host.ts";
import { problemAnswer, problemOf } from "./problem.ts";
import { challengeOf } from "./send-problem.ts";

/** As package ws wants it. */
interface UpgradeRefusal {
  readonly status: number;
  readonly reason: string;
  readonly headers: { [name: string]: string };
}

const FORBIDDEN = 403;

type Verdict = (
  ...verdict: [isAdmitted: boolean, status?: number, reason?: string, headers?: OutgoingHttpHeaders]
) => void;

export interface UpgradeRule {
  readonly access: Access;
  readonly authentication: Authentication | undefined;
  /** Only pages of this server may connect. Where a credential is asked for, which no browser sends by itself, others may, too. */
  readonly isForOwnPage: boolean;
}

/** For package ws: says whether the upgrade may be. */
export function upgradeGuard({ access, authentication, isForOwnPage }: UpgradeRule) {
  const isOwnPageAsked = isForOwnPage || authentication === undefined;
  const judge = async (request: IncomingMessage, say: Verdict) => {
    if (isOwnPageAsked && !isFromOwnPage(request.headers)) return say(false, FORBIDDEN);
    const refusal = await refusalOfUpgrade(request, access, authentication);
    say(refusal === undefined, refusal?.status, refusal?.reason, refusal?.headers);
  };
  return ({ req }: { readonly req: IncomingMessage }, say: Verdict): void => void judge(req, say);
}

/** @returns how the upgrade is refused; undefined where it may be. The request knows its identity then. */
async function refusalOfUpgrade(
  request: IncomingMessage,
  access: Access,
  authentication: Authentication | undefined,
): Promise<UpgradeRefusal | undefined> {
  try {
    await authentication?.admit(request);
    authorize({ raw: request, params: {} }, access, authentication);
    return undefined;
  } catch (error) {
    const problem = problemOf(error);
    const { status, title } = problemAnswer(problem);
    const challenge = challengeOf(problem, request.headers.authorization !== undefined);
    const headers: { [name: string]: string } =
      challenge === undefined ? {} : { "WWW-Authenticate": challenge };
    return { status, reason: title, headers };
  }
}

/** Of those that the client offers: never the one that carries its credential. */
export function chosenSubprotocol(offered: ReadonlySet<string>): string | false {
  return offered.has(FEED_SUBPROTOCOL) ? FEED_SUBPROTOCOL : false;
}
