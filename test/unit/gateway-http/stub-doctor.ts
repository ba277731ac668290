/** A doctor that has found what it is told. */
import type { Check } from "../../../services/core/doctor/check.ts";
import type { Examination } from "../../../services/gateway/doctor/doctor.ts";

export class StubDoctor {
  checks: Check[] = [{ name: "node-version", verdict: "ok", found: "Node.js 24.1.0" }];
  examined = 0;

  async examine(): Promise<Examination> {
    this.examined += 1;
    return { checks: this.checks, postgresVersion: "18.4", natsVersion: undefined };
  }

  about() {
    return { nodeVersion: "24.1.0", partitions: 2, nowMs: Date.now() };
  }
}
