/** Asking a region on the bus, and what may be concluded from the outcome: what is not known to be certain is unknown. */
import type { Msg } from "@nats-io/transport-node";
import {
  BusOutcomeUnknownError,
  BusUnavailableError,
  PAYLOAD_BYTES_MAX,
  type BusRequest,
} from "../../ports/bus.ts";
import { parseStatus, subjectOf } from "./bus-message.ts";
import type { Connection } from "./connection.ts";
import { describeError, isUnsent, isWithoutResponders } from "./errors.ts";

/**
 * Resolves with the answer.
 * @throws {BusUnavailableError} certainly not handled.
 * @throws {BusOutcomeUnknownError}
 */
export async function ask(connection: Connection, request: BusRequest): Promise<Uint8Array> {
  const { region, service, data, timeoutMs } = request;
  const subject = subjectOf(region, service);
  if (data.byteLength > PAYLOAD_BYTES_MAX) {
    throw new BusUnavailableError(
      `${describeRequest(request)}: ${data.byteLength} bytes are more than the ${PAYLOAD_BYTES_MAX} that may be sent`,
    );
  }
  // What is sent while the connection is interrupted would be kept and handled at any later time.
  if (!connection.isOpen) throw new BusUnavailableError("the region's nats-server is not connected");
  try {
    const asking = connection.client.request(subject, data, { timeout: Math.max(1, timeoutMs) });
    return toAnswer(await connection.untilInterrupted(asking), request);
  } catch (error) {
    throw toBusError(error, request);
  }
}

function toAnswer(message: Msg, request: BusRequest): Uint8Array {
  const status = parseStatus(message.headers);
  switch (status) {
    case "ok":
      return message.data;
    case "refused":
      throw new BusUnavailableError(`${describeRequest(request)}: refused, it has no room or is being ended`);
    case "failed":
      throw new BusOutcomeUnknownError(`${describeRequest(request)}: its handling failed`);
    case undefined:
      throw new BusOutcomeUnknownError(`${describeRequest(request)}: what came is no answer of the bus`);
  }
}

/** What the outcome proves. */
export function toBusError(error: unknown, request: BusRequest): Error {
  if (error instanceof BusUnavailableError || error instanceof BusOutcomeUnknownError) return error;
  if (isWithoutResponders(error)) {
    return new BusUnavailableError(`${describeRequest(request)}: nobody serves it`, { cause: error });
  }
  const reason = `${describeRequest(request)}: ${describeError(error)}`;
  if (isUnsent(error)) return new BusUnavailableError(reason, { cause: error });
  return new BusOutcomeUnknownError(reason, { cause: error });
}

function describeRequest({ region, service }: BusRequest): string {
  return `asking region ${region} for ${service}`;
}
