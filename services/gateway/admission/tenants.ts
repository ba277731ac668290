/** Which tenants ask at the moment, and what each has in flight. */
import type { InFlight } from "../../core/admission/door.ts";

/** More share one place. */
const TENANTS_MAX = 10_000;
const OTHERS = "";
/** Who was refused comes back after some seconds, and is to find its share then. */
const REMEMBERED_SAMPLES = 50;

export interface Tenant {
  working: number;
  waiting: number;
  /** Samples taken since it asked last. */
  silentSamples: number;
}

export class Tenants {
  readonly #tenants = new Map<string, Tenant>();

  get size(): number {
    return this.#tenants.size;
  }

  /** The tenant, which asks now. */
  asking(name: string): Tenant & InFlight {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      const key = this.#tenants.size < TENANTS_MAX ? name : OTHERS;
      tenant = this.#tenants.get(key) ?? { working: 0, waiting: 0, silentSamples: 0 };
      this.#tenants.set(key, tenant);
    }
    tenant.silentSamples = 0;
    return tenant;
  }

  /** Some time has passed: forgets who has nothing in flight and has not asked for long. */
  sampled(): void {
    for (const [name, tenant] of this.#tenants) {
      tenant.silentSamples += 1;
      const isIdle = tenant.working === 0 && tenant.waiting === 0;
      if (isIdle && tenant.silentSamples > REMEMBERED_SAMPLES) this.#tenants.delete(name);
    }
  }
}
