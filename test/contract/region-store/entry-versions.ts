/** Processes of several releases: what the region promises, and who may fold. */
import { describe, expect, it } from "vitest";
import { RoleRefusedError } from "../../../services/ports/entry-versions.ts";
import type { Context } from "./context.ts";

export function entryVersions(context: Context): void {
  describe("entry versions", () => {
    const tell = (id: string, reads: number, mayFold = true) =>
      context.store.tellProcess({ id, software: `0.${reads}.0`, reads, mayFold });
    const promise = (reads: number) => context.store.promiseReads({ partition: 0, reads });
    const takeApplier = (holder: string, partition = 0) =>
      context.store.acquireRole({ role: "applier", partition, holder, ttlMs: 60_000 });
    const release = (holder: string) => context.store.releaseRole({ role: "applier", partition: 0, holder });

    it("are promised as every process reads them that may fold", async () => {
      await tell("new", 90);
      await tell("old", 80);
      await tell("gateway", 70, false);
      expect(await promise(90)).toBe(80);
      await context.store.forgetProcess("old");
      expect(await promise(90)).toBe(90);
      expect(await context.store.listProcesses()).toEqual([
        { id: "gateway", software: "0.70.0", reads: 70, mayFold: false },
        { id: "new", software: "0.90.0", reads: 90, mayFold: true },
      ]);
    });

    it("that were promised keep older processes from folding, and from nothing else", async () => {
      await tell("old", 80);
      expect(await takeApplier("old")).toBeDefined();
      expect(await promise(80)).toBe(80);
      expect(await takeApplier("old")).toBeDefined();
      await context.store.forgetProcess("old");
      await promise(90);
      await tell("old", 80);
      await tell("new", 90);
      await release("old");
      await expect(takeApplier("old")).rejects.toThrow(RoleRefusedError);
      await expect(takeApplier("old")).rejects.toThrow(/version 90/);
      await expect(takeApplier("old")).rejects.toMatchObject({ isForGood: false });
      expect(await takeApplier("old", 1)).toBeDefined();
      const relay = { role: "relay", partition: 0, holder: "old", ttlMs: 60_000 } as const;
      expect(await context.store.acquireRole(relay)).toBeDefined();
      expect(await takeApplier("new")).toBeDefined();
      // It only waits behind another, and is told nothing.
      expect(await takeApplier("old")).toBeUndefined();
    });

    it("fall again while an older process is there; what was promised holds for a while", async () => {
      await tell("new", 90);
      expect(await promise(90)).toBe(90);
      await tell("old", 80);
      expect(await promise(90)).toBe(80);
      await expect(takeApplier("old")).rejects.toThrow(RoleRefusedError);
    });

    it("that were folded are needed for good, and promised by whoever relays", async () => {
      await tell("old", 80);
      expect(await takeApplier("old")).toBeDefined();
      await context.store.needVersion({ partition: 0, version: 85, software: "0.2.0" });
      await context.store.needVersion({ partition: 0, version: 84, software: "0.1.0" });
      expect(await context.store.neededVersions()).toEqual([
        { partition: 0, version: 85, software: "0.2.0" },
      ]);
      expect(await promise(80)).toBe(85);
      await release("old");
      await expect(takeApplier("old")).rejects.toThrow(/entries of version 85 have made/);
      await expect(takeApplier("old")).rejects.toMatchObject({ isForGood: true });
    });

    it("that could not be read leave the role to others for a while", async () => {
      await tell("old", 80);
      await context.store.standAside({ partition: 0, version: 81, forMs: 200 });
      await expect(takeApplier("old")).rejects.toThrow(RoleRefusedError);
      await context.pause(250);
      expect(await takeApplier("old")).toBeDefined();
    });

    it("of a region that nobody has told of are those of whoever asks", async () => {
      expect(await promise(3)).toBe(3);
      expect(await context.store.listProcesses()).toEqual([]);
    });
  });
}
