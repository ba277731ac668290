/** An operator's request as the audit trail has it: who has asked, and how it ended. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Type } from "typebox";
import { EVERYBODY, type Identity } from "../../core/access/identity.ts";
import { mayRunCluster } from "../../core/access/scope.ts";
import { ACTOR_HEADER, ACTOR_LENGTH_MAX } from "../../protocol/http/audit.ts";
import { problemDefinition } from "../../protocol/http/problems.ts";
import type { Act, Auditing, Ending, Orderer } from "../../runtime/auditor.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { WriteResult } from "../gateway.ts";
import { addressOf } from "./client-address.ts";
import { identityOf } from "./identity.ts";
import { ProblemError, problemOf } from "./problem.ts";
import type { RouteContext } from "./route-context.ts";

const ACTOR = new RegExp(`^[\\x20-\\x7e]{1,${ACTOR_LENGTH_MAX}}$`);

export const ActorHeaders = {
  "Forebay-Actor": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: ACTOR_LENGTH_MAX,
      pattern: "^[\\x20-\\x7e]+$",
      description:
        "On whose behalf it is ordered, for the audit trail, where it stands behind whose credential it was.",
    }),
  ),
};

/** Of an operator's request without other headers. */
export const OrderHeaders = Type.Object(ActorHeaders);

export interface OrderRequest {
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
}

/**
 * The owner of its credential, and on whose behalf; of a request without one, what it says of itself.
 * @throws {ProblemError} invalid-parameter.
 */
export function ordererOf({ headers, raw }: OrderRequest): Orderer {
  const claimed = headers[ACTOR_HEADER];
  if (claimed !== undefined && (typeof claimed !== "string" || !ACTOR.test(claimed))) {
    const detail = `Forebay-Actor is 1 to ${ACTOR_LENGTH_MAX} printable ASCII characters`;
    throw new ProblemError("invalid-parameter", detail, { field: ACTOR_HEADER });
  }
  const identity = identityOf(raw);
  return { actor: actorText(identity, claimed), address: addressOf(raw) };
}

function actorText(identity: Identity, claimed: string | undefined): string {
  if (claimed === undefined) return identity.actor;
  return identity === EVERYBODY ? claimed : `${identity.actor} for ${claimed}`;
}

/** Does the work between its intent and its outcome in the audit trail. @throws {StoreUnavailableError} it was not done. */
export function audited<T>(
  context: Pick<RouteContext, "gateway" | "logger">,
  act: Omit<Act<T>, "actor" | "address" | "isTenants" | "failed"> & { readonly request: OrderRequest },
  work: () => Promise<T>,
): Promise<T> {
  const { request, ...rest } = act;
  const isTenants = !mayRunCluster(identityOf(request.raw));
  const whole = { ...rest, ...ordererOf(request), isTenants, failed: endingOf };
  const auditing = auditingOf(context, act.isUrgent === true);
  return auditing === undefined ? work() : auditing.act(whole, work);
}

/** Undefined while the process starts, for what is urgent. @throws {GatewayError} starting. */
function auditingOf(
  { gateway, logger }: Pick<RouteContext, "gateway" | "logger">,
  isUrgent: boolean,
): Auditing | undefined {
  try {
    return gateway.auditing();
  } catch (error) {
    if (!isUrgent) throw error;
    logger.error({ error: describeError(error) }, "an operator's act is done although it can't be kept");
    return undefined;
  }
}

/** What became of a write that was ordered, without its values. */
export function writeEnding({ operation, status }: WriteResult): Ending {
  return { outcome: status === "rejected" ? "refused" : "done", about: { operation, status } };
}

function endingOf(error: unknown): Ending {
  const { code, detail } = problemOf(error);
  if (code === "internal") return { outcome: "failed", about: { problem: code } };
  const outcome = problemDefinition(code).retry === "ask" ? "unknown" : "refused";
  return { outcome, about: { problem: code, detail } };
}
