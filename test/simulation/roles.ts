/** Who relays and applies a partition of a simulated region. */
import type { RoleRefusedError } from "../../services/ports/entry-versions.ts";
import type { RoleGrant, RoleName } from "../../services/ports/region-store.ts";

const TTLS_MAX = 10;

export class SimulatedRoles {
  readonly #nowMs: () => number;
  readonly #roles = new Map<string, { holder: string; epoch: number; expiresAtMs: number }>();

  readonly #refusal: (asked: { partition: number; holder: string }) => RoleRefusedError | undefined;

  /**
   * @param nowMs the database's own clock.
   * @param refusal why a process may not be the applier.
   */
  constructor(
    nowMs: () => number,
    refusal: (asked: { partition: number; holder: string }) => RoleRefusedError | undefined,
  ) {
    this.#nowMs = nowMs;
    this.#refusal = refusal;
  }

  acquire(options: {
    role: RoleName;
    partition: number;
    holder: string;
    ttlMs: number;
  }): RoleGrant | undefined {
    const { holder, ttlMs } = options;
    const name = `${options.role} ${options.partition}`;
    const current = this.#roles.get(name);
    const nowMs = this.#nowMs();
    const isOfAnotherClock = (endMs: number) =>
      endMs > nowMs + TTLS_MAX * ttlMs && current?.holder !== holder;
    const isExpired =
      current === undefined || current.expiresAtMs <= nowMs || isOfAnotherClock(current.expiresAtMs);
    if (!isExpired && current.holder !== holder) return undefined;
    const epoch = isExpired ? (current?.epoch ?? 0) + 1 : current.epoch;
    const refusal = options.role === "applier" ? this.#refusal(options) : undefined;
    if (refusal !== undefined) throw refusal;
    this.#roles.set(name, { holder, epoch, expiresAtMs: nowMs + ttlMs });
    return { epoch };
  }

  clear(): void {
    this.#roles.clear();
  }

  release(options: { role: RoleName; partition: number; holder: string }): void {
    const current = this.#roles.get(`${options.role} ${options.partition}`);
    if (current?.holder === options.holder) current.expiresAtMs = 0;
  }
}
