/** A region's operations as its relay sends them, for tests that put entries into a log themselves. */
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";
import { encodeBatch, encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { COLLECTION, TENANT } from "../gateway/bed.ts";

export const KEYS = 64;
const BODY = encodeChanges([{ field: "likes", kind: "counter", operator: "inc", argument: 1 }]);

/** Of one origin, entry after entry. */
export class Origin {
  readonly #name: string;
  #sequence = 0;
  #chain = ZERO_HASH;

  constructor(name: string) {
    this.#name = name;
  }

  /** @param keys what the names of its records begin with. */
  entry(ids: readonly string[], keys = "key"): Uint8Array {
    const previous = this.#chain;
    const first = this.#sequence + 1;
    const lines = ids.map((id, index) =>
      encodeOperation({
        id,
        tenant: TENANT,
        collection: COLLECTION,
        key: `${keys}-${index % KEYS}`,
        hlc: hlcFromMilliseconds(1_000 + first + index),
        seen: 0,
        requestHash: sha256(BODY),
        body: BODY,
      }),
    );
    this.#sequence += ids.length;
    this.#chain = lines.reduce(chain, previous);
    return encodeBatch({ origin: this.#name, epoch: 1_000, first, last: this.#sequence, previous }, lines);
  }
}

export function idsOf(name: string, operations: number): string[] {
  return Array.from({ length: operations }, (_, index) => uuidOf(name, String(index)));
}
