/**
 * A backup on disk: a folder with a manifest, and for each partition its head and a file of rows for each part.
 *
 *   manifest.json
 *   partition-0.head.json
 *   partition-0.records.ndjson.gz, partition-0.operations.ndjson.gz, partition-0.conflicts.ndjson.gz
 */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { STATE_PARTS, type StatePart } from "../core/state-parts.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Hash, Region, Sequence, Uuid } from "./wire-types.ts";

export const BACKUP_FORMAT = "forebay-backup/1";
export const MANIFEST_NAME = "manifest.json";

const FileSummary = {
  /** In the folder. */
  name: Type.String({ pattern: String.raw`^partition-\d{1,3}\.[a-z]+\.(json|ndjson\.gz)$` }),
  bytes: Sequence,
  /** Of the file as it is. */
  sha256: Hash,
};

const HeadFile = Type.Object(FileSummary);
const PartFile = Type.Object({
  part: Type.Enum([...STATE_PARTS]),
  rows: Sequence,
  ...FileSummary,
});

const PartitionSummary = Type.Object({
  partition: Sequence,
  /** Of the log: all that is in the files is of it. */
  position: Sequence,
  takenAtMs: Sequence,
  head: HeadFile,
  /** All parts, in their order. */
  parts: Type.Array(PartFile, { minItems: STATE_PARTS.length, maxItems: STATE_PARTS.length }),
});

const Manifest = Type.Object({
  format: Type.Literal(BACKUP_FORMAT),
  cluster: Uuid,
  /** Whose state it is. */
  region: Region,
  /** All of the cluster's, in their order. */
  partitions: Type.Array(PartitionSummary, { minItems: 1 }),
});

export type BackupFile = Static<typeof HeadFile>;
export type BackupPartFile = Static<typeof PartFile>;
export type BackupPartition = Static<typeof PartitionSummary>;
export type BackupManifest = Static<typeof Manifest>;

const manifests = Compile(Manifest);

export function headFileName(partition: number): string {
  return `partition-${partition}.head.json`;
}

export function partFileName(partition: number, part: StatePart): string {
  return `partition-${partition}.${part}.ndjson.gz`;
}

/** @throws {UndecodableEntryError} says what is wrong with it. */
export function decodeManifest(text: string): BackupManifest {
  const manifest = parseJson(text, MANIFEST_NAME);
  if (!manifests.Check(manifest)) {
    throw new UndecodableEntryError(`${MANIFEST_NAME}: ${explain(manifests, manifest)}`);
  }
  return manifest;
}
