/** Whether enough regions would be left in service without this one: of all, and of those that hold a partition's log. */
import type { Leadership } from "../ports/global-log.ts";
import { describeError } from "../runtime/describe-error.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { askPlacement } from "./placement-client.ts";

const RETRY_AFTER_MS = 5_000;

/** Why a region does not count as left, by its name. */
type Missing = ReadonlyMap<string, string>;

/** @throws {GatewayError} drain-refused. */
export async function checkMajority(options: GatewayOptions, members: readonly string[]): Promise<void> {
  const partitions = Array.from({ length: options.partitions }, (_, partition) => partition);
  const missings = await Promise.all(
    partitions.map((partition) => whoIsMissing(options, { members, partition })),
  );
  for (const missing of missings) checkLeft(options.region, { of: members, missing, what: "regions" });
  const held = await Promise.all(partitions.map((partition) => whoHolds(options, partition)));
  for (const [partition, missing] of missings.entries()) {
    const holders = held[partition]!;
    // A log that this region does not hold misses nothing without it.
    if (!holders.includes(options.region)) continue;
    const what = `regions that hold partition ${partition}'s log`;
    checkLeft(options.region, { of: holders, missing, what });
  }
}

async function whoIsMissing(
  options: GatewayOptions,
  { members, partition }: { readonly members: readonly string[]; readonly partition: number },
): Promise<Missing> {
  const missing = new Map<string, string>();
  const others = members.filter((member) => member !== options.region);
  await Promise.all(
    others.map(async (region) => {
      const answer = await askPlacement(options, { region, partition });
      if (answer === undefined) missing.set(region, `${region} does not answer`);
      else if (answer.isDraining) missing.set(region, `${region} is drained`);
    }),
  );
  return missing;
}

/** @throws {GatewayError} drain-refused: nobody can tell. */
async function whoHolds({ log, logger }: GatewayOptions, partition: number): Promise<readonly string[]> {
  let leadership: Leadership | undefined;
  try {
    leadership = await log.leadership(partition);
  } catch (error) {
    logger.debug({ partition, error: describeError(error) }, "the log can't be asked who holds it");
  }
  if (leadership?.leader === undefined)
    throw refusal(`it is not known at the moment who holds partition ${partition}'s log`);
  const { leader, unknownReplicas = 0 } = leadership;
  if (unknownReplicas > 0)
    throw refusal(
      `${leader}, which leads partition ${partition}, does not know all that should hold its log`,
    );
  return [leadership.leader, ...leadership.replicas.map(({ region }) => region)];
}

function checkLeft(
  region: string,
  { of, missing, what }: { readonly of: readonly string[]; readonly missing: Missing; readonly what: string },
): void {
  const left = of.filter((name) => name !== region && !missing.has(name)).length;
  const majority = Math.floor(of.length / 2) + 1;
  if (left >= majority) return;
  const reasons = of.flatMap((name) => missing.get(name) ?? []);
  const why = reasons.length === 0 ? "" : ` (${reasons.join(", ")})`;
  throw refusal(
    `without ${region} only ${left} of ${of.length} ${what} would be left, and a majority is ${majority}${why}`,
  );
}

function refusal(why: string): GatewayError {
  return new GatewayError("drain-refused", `${why}; force drains it all the same`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
