/** Counts what a process has of something, by tenant: no tenant has more than half of what there may be. */

const SHARE = 1 / 2;

export class TenantShares {
  readonly #max: number;
  readonly #byTenant = new Map<string, number>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Of all tenants. */
  get size(): number {
    return this.#size;
  }

  /** What one tenant may have. */
  get ofTenantMax(): number {
    return Math.max(1, Math.floor(this.#max * SHARE));
  }

  /** @returns how to give it back, once; undefined where there are too many, of the tenant or of all. */
  enter(tenant: string): (() => void) | undefined {
    const own = this.#byTenant.get(tenant) ?? 0;
    if (this.#size >= this.#max || own >= this.ofTenantMax) return undefined;
    this.#count(tenant, 1);
    let isIn = true;
    return () => {
      if (isIn) this.#count(tenant, -1);
      isIn = false;
    };
  }

  #count(tenant: string, by: number): void {
    const own = (this.#byTenant.get(tenant) ?? 0) + by;
    this.#size += by;
    if (own === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, own);
  }
}
