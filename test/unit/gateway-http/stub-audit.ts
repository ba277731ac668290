/** An audit trail in memory, which can be made to fail. */
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../../services/adapters/system/random.ts";
import { Auditor } from "../../../services/runtime/auditor.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { SimulatedAudit } from "../../simulation/audit.ts";

export class StubAudit {
  readonly trail = new SimulatedAudit("eu");
  /** Why it can't be written or read. */
  failure: Error | undefined;
  readonly auditor = new Auditor({
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger: silentLogger,
    store: {
      appendAudit: (fact) => this.#call(() => this.trail.append(fact)),
      readAuditHead: () => this.#call(() => this.trail.head()),
      listAudit: (query) => this.#call(() => this.trail.list(query)),
      keepAuditHead: (seen) => this.#call(() => this.trail.keepHead(seen)),
      listAuditHeads: () => this.#call(() => this.trail.heads()),
    },
  });

  async #call<T>(effect: () => T): Promise<T> {
    if (this.failure !== undefined) throw this.failure;
    return effect();
  }
}
