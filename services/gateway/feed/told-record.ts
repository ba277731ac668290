/** A record as subscribers are told of it: each text is made once, for all who are told the same. */
import { hlcMilliseconds } from "../../core/hlc.ts";
import type { RecordId } from "../../core/operation.ts";
import type { CollectionSchema } from "../../core/schema.ts";
import type { RecordState } from "../../protocol/http/feed.ts";
import type { ChangedRecord } from "../../ports/changes.ts";
import { viewRecord, viewVersion, type ShownSnapshot } from "../record-view.ts";

/**
 * What a subscription is told: the region's view with what is pending, or only what the log has committed. Of a record with
 * more pending operations than one read takes along, both are told what is committed; in the end, nothing is pending.
 */
export type ToldKind = "view" | "committed";

/** Sequences of the own WAL: how far settled rows were told, and how far pending ones. */
export interface WalMarks {
  readonly settledTo: number;
  readonly pendingTo: number;
}

export interface ToldPlace {
  readonly partition: number;
  readonly schema: CollectionSchema;
  readonly region: string;
}

export class ToldRecord {
  readonly record: RecordId;
  /** Of the change that is told; undefined where only what is pending has changed. */
  readonly position: number | undefined;
  readonly #settledAt: number;
  readonly #pendingAt: number;
  readonly #snapshot: ShownSnapshot;
  readonly #place: ToldPlace;
  readonly #texts: { [Kind in ToldKind]?: string } = {};

  constructor({ record, position, settledAt = 0, pendingAt = 0, snapshot }: ChangedRecord, place: ToldPlace) {
    this.record = record;
    this.position = position;
    this.#settledAt = settledAt;
    this.#pendingAt = pendingAt;
    this.#snapshot = snapshot;
    this.#place = place;
  }

  /** When its last pending operation was accepted, by this region's clock; undefined where none is pending. */
  get acceptedAtMs(): number | undefined {
    const last = this.#snapshot.pending.at(-1);
    return last && hlcMilliseconds(last.hlc);
  }

  versionOf(kind: ToldKind): string {
    return viewVersion(this.#shown(kind), this.#place.region);
  }

  /** Whether it has to tell anything to who was told up to a place; without marks, only what is committed. */
  isNewsAfter(position: number, marks: WalMarks | undefined): boolean {
    if (this.position !== undefined && this.position > position) return true;
    if (marks === undefined || this.#snapshot.isCrowded === true) return false;
    return this.#settledAt > marks.settledTo || this.#pendingAt > marks.pendingTo;
  }

  isFor(kind: ToldKind): boolean {
    const isViewed = kind === "view" && this.#snapshot.isCrowded !== true;
    return isViewed || this.position !== undefined;
  }

  textOf(kind: ToldKind): string {
    return (this.#texts[kind] ??= JSON.stringify(this.#stateOf(kind)));
  }

  #shown(kind: ToldKind): ShownSnapshot {
    return kind === "view" ? this.#snapshot : { ...this.#snapshot, pending: [] };
  }

  #stateOf(kind: ToldKind): RecordState {
    const { collection, key } = this.record;
    const { partition, schema, region } = this.#place;
    const snapshot = this.#shown(kind);
    const { committed, pending } = snapshot;
    // Of a record that is gone the change alone knows where.
    const sequence = this.position ?? committed?.version;
    const place = sequence === undefined ? {} : { position: { partition, sequence } };
    const isGone = committed === undefined && this.position !== undefined && pending.length === 0;
    const version = isGone ? String(this.position) : viewVersion(snapshot, region);
    const view =
      committed?.tombstone === undefined ? viewRecord({ key, snapshot, schema, region }) : undefined;
    const shown = view === undefined ? { deleted: true as const } : { fields: view.fields };
    return { collection, key, ...shown, version, pending: pending.length, ...place };
  }
}
