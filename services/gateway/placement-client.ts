/** Asks regions over the bus what they know of who should lead, and tells them what an operator wants. */
import {
  decodePlacementAnswer,
  encodePlacementMessage,
  placementService,
  type PlacementAnswer,
  type PlacementHold,
} from "../protocol/placement-message.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const TIMEOUT_MS = 2_000;

/** @returns undefined when the region does not answer. */
export async function askPlacement(
  options: Pick<GatewayOptions, "bus" | "region" | "logger">,
  asked: { readonly region: string; readonly partition: number; readonly hold?: PlacementHold },
): Promise<PlacementAnswer | undefined> {
  const { bus, region: own, logger } = options;
  const { region, partition, hold } = asked;
  const data = encodePlacementMessage({ region: own, ...(hold === undefined ? {} : { hold }) });
  try {
    const service = placementService(partition);
    return decodePlacementAnswer(await bus.request({ region, service, data, timeoutMs: TIMEOUT_MS }));
  } catch (error) {
    logger.debug({ region, partition, error: describeError(error) }, "a region says nothing on placement");
    return undefined;
  }
}
