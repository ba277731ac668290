/** A store with some of its methods replaced. */
import type { RegionStore } from "../../services/ports/region-store.ts";

export function overriding(store: RegionStore, overrides: Partial<RegionStore>): RegionStore {
  return new Proxy(store, {
    get(target, name) {
      const override = (overrides as Record<string | symbol, unknown>)[name];
      if (override !== undefined) return override;
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
