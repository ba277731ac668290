/** Entries of version 6 on the wire: who takes part, and logs that were made anew. One line each, and one text for each. */
import { Type, type Static } from "typebox";
import type { EpochEntry, MemberEntry } from "../core/entry.ts";
import { UndecodableEntryError } from "./undecodable.ts";
import { Hash, Region, Sequence, Uuid } from "./wire-types.ts";

export const MemberEnvelope = Type.Object({
  kind: Type.Literal("member"),
  origin: Region,
  id: Uuid,
  action: Type.Union([Type.Literal("add"), Type.Literal("remove"), Type.Literal("rejoin")]),
  region: Region,
});

export const EpochEnvelope = Type.Object({
  kind: Type.Literal("epoch"),
  origin: Region,
  id: Uuid,
  cluster: Uuid,
  partition: Sequence,
  epoch: Type.Integer({ minimum: 1 }),
  chain: Hash,
});

export function memberForm({ kind, origin, id, action, region }: MemberEntry): MemberEntry {
  return { kind, origin, id, action, region };
}

export function epochForm(entry: EpochEntry): EpochEntry {
  const { kind, origin, id, cluster, partition, epoch, chain } = entry;
  return { kind, origin, id, cluster, partition, epoch, chain };
}

/** @throws {UndecodableEntryError} */
export function decodeMember(envelope: Static<typeof MemberEnvelope>): MemberEntry {
  if (envelope.action === "rejoin" && envelope.origin !== envelope.region)
    throw new UndecodableEntryError(`${envelope.origin} can't rejoin for ${envelope.region}`);
  return envelope;
}
