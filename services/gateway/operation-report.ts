/** What became of an operation, as any region can tell it: its receipt, the regions that have folded it, or that it is dead. */
import type { StateReader, StoredOperation } from "../ports/region-store.ts";
import { DEADLINE_MS_MAX } from "../protocol/http/headers.ts";
import { GatewayError } from "./errors.ts";
import type { OperationReport, OperationRequest } from "./gateway.ts";
import { receiptOf } from "./receipt.ts";

export interface OperationReportOptions {
  readonly region: string;
  readonly partitions: number;
  readonly store: Pick<StateReader, "readOperation" | "readOutcomes" | "readPositions">;
}

/** @throws {GatewayError} operation-not-found */
export async function reportOperation(
  options: OperationReportOptions,
  { tenant, id, expiresAtMs }: OperationRequest,
): Promise<OperationReport> {
  const { store, region } = options;
  const stored = await store.readOperation(id);
  // Another tenant's operation is as unknown as one that never was (I14).
  if (stored?.tenant === tenant) return reportStored(options, stored);
  if (expiresAtMs !== undefined) return reportUnseen(options, { tenant, id, expiresAtMs });
  throw new GatewayError("operation-not-found", `region ${region} knows no operation ${id}`);
}

async function reportStored(
  { store, region }: OperationReportOptions,
  stored: StoredOperation,
): Promise<OperationReport> {
  const receipt = receiptOf(stored, region);
  if (stored.outcome === undefined) return receipt;
  const { position, origins } = await store.readPositions(stored.partition);
  const appliedBy: { [region: string]: boolean } = {};
  for (const [name, { tick }] of Object.entries(origins)) {
    const appliedTo = name === region ? position : (tick?.appliedPosition ?? 0);
    appliedBy[name] = appliedTo >= stored.outcome.position;
  }
  return { ...receipt, appliedBy };
}

/**
 * An operation that no partition has folded is dead once log time has passed its deadline in all of them. The outcomes are
 * looked at again in the snapshots that prove the time: it may have been folded since.
 */
async function reportUnseen(
  { store, partitions, region }: OperationReportOptions,
  { tenant, id, expiresAtMs }: { tenant: string; id: string; expiresAtMs: number },
): Promise<OperationReport> {
  let isDead = true;
  for (let partition = 0; partition < partitions; partition += 1) {
    const { logTimeMs, forgottenTimeMs, outcomes } = await store.readOutcomes({ partition, ids: [id] });
    if (outcomes.some((outcome) => outcome.tenant === tenant)) return { operation: id, status: "undecided" };
    if (forgottenTimeMs > expiresAtMs - DEADLINE_MS_MAX) {
      const message = `region ${region} knows no operation ${id}; if it took effect, that was so long ago that it is forgotten`;
      throw new GatewayError("operation-not-found", message);
    }
    isDead &&= logTimeMs > expiresAtMs;
  }
  return { operation: id, status: isDead ? "expired" : "undecided" };
}
