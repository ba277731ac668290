/**
 * What every region store promises, whatever it is made of. Each test names the promise that it would catch broken.
 *
 * Committed state is made by the real fold from entries of a little log, so that the tests can't drift from the core.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe } from "vitest";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { auditTrail } from "./region-store/audit.ts";
import { appending } from "./region-store/append.ts";
import { boundsAndReading } from "./region-store/bounds.ts";
import { stamps } from "./region-store/stamps.ts";
import { repairLog } from "./region-store/repairs.ts";
import { changesOfRecords } from "./region-store/changes.ts";
import { conflictLog } from "./region-store/conflicts.ts";
import { committedState } from "./region-store/committed.ts";
import { decidedState } from "./region-store/decided.ts";
import { deletedRecords } from "./region-store/deleted.ts";
import { takingFromEscrows } from "./region-store/escrow.ts";
import { escrowsWhileFolding } from "./region-store/escrow-folding.ts";
import { losingTheWal } from "./region-store/lost-wal.ts";
import { rejoining } from "./region-store/rejoin.ts";
import { removedRows } from "./region-store/removed.ts";
import { reservedCollections } from "./region-store/reserved.ts";
import { outcomesOfProposals } from "./region-store/outcomes.ts";
import { knownOperations } from "./region-store/operations-known.ts";
import { crowdedRecords } from "./region-store/crowded.ts";
import { readingRecords } from "./region-store/reading.ts";
import { listingRecords } from "./region-store/listing.ts";
import { listingByFields } from "./region-store/field-listing.ts";
import { trimming } from "./region-store/trimming.ts";
import { scanningRecords } from "./region-store/scanning.ts";
import { partitionSnapshots } from "./region-store/snapshots.ts";
import { bootstraps } from "./region-store/bootstraps.ts";
import { verificationRecords } from "./region-store/verifications.ts";
import { drainOrders } from "./region-store/drain.ts";
import { entryVersions } from "./region-store/entry-versions.ts";
import { roles } from "./region-store/roles.ts";
import type { Context } from "./region-store/context.ts";
import { REGION } from "./region-store/operations.ts";

export interface OpenedStore {
  readonly store: RegionStore;
  /** Another handle on the same state, as another process of the region would have; the same one without it. */
  readonly reopen?: () => Promise<RegionStore>;
  /** Lets the store's own clock go on; real time without it. */
  readonly pause?: (durationMs: number) => Promise<void>;
  /** Changes a row behind the store's back. */
  readonly edit: Context["edit"];
  close(): Promise<void>;
}

/** @param open gives a new, empty store; it is closed after each test. */
export function regionStoreContract(
  name: string,
  open: (options: { region: string }) => Promise<OpenedStore>,
): void {
  describe(`region store: ${name}`, () => {
    let opened: OpenedStore;
    beforeEach(async () => {
      opened = await open({ region: REGION });
    });
    afterEach(async () => {
      await opened.close();
    });
    const context: Context = {
      get store() {
        return opened.store;
      },
      reopen: () => opened.reopen?.() ?? Promise.resolve(opened.store),
      pause: (durationMs) => opened.pause?.(durationMs) ?? sleep(durationMs),
      edit: (...change) => opened.edit(...change),
    };
    appending(context);
    boundsAndReading(context);
    stamps(context);
    committedState(context);
    decidedState(context);
    deletedRecords(context);
    takingFromEscrows(context);
    escrowsWhileFolding(context);
    removedRows(context);
    reservedCollections(context);
    knownOperations(context);
    auditTrail(context);
    outcomesOfProposals(context);
    conflictLog(context);
    repairLog(context);
    readingRecords(context);
    crowdedRecords(context);
    listingRecords(context);
    listingByFields(context);
    scanningRecords(context);
    partitionSnapshots(context);
    bootstraps(context);
    roles(context);
    entryVersions(context);
    verificationRecords(context);
    drainOrders(context);
    trimming(context);
    changesOfRecords(context);
    losingTheWal(context);
    rejoining(context);
  });
}
