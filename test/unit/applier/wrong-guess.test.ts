/** Operations are taken for new until a commit finds one that took effect before; what was folded onto that is folded again. */
import { expect, it } from "vitest";
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";
import { encodeBatch, encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { Bed, COLLECTION, TENANT } from "../gateway/bed.ts";

/** So many that each entry is a commit of its own. */
const OPERATIONS = 2_048;
const KEYS = 64;
const BODY = encodeChanges([{ field: "likes", kind: "counter", operator: "inc", argument: 1 }]);

/** What a region's relay sends, entry after entry. */
class Origin {
  readonly #name: string;
  #sequence = 0;
  #chain = ZERO_HASH;

  constructor(name: string) {
    this.#name = name;
  }

  entry(ids: readonly string[]): Uint8Array {
    const previous = this.#chain;
    const first = this.#sequence + 1;
    const lines = ids.map((id, index) =>
      encodeOperation({
        id,
        tenant: TENANT,
        collection: COLLECTION,
        key: `key-${index % KEYS}`,
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

function idsOf(name: string): string[] {
  return Array.from({ length: OPERATIONS }, (_, index) => uuidOf(name, String(index)));
}

it("an operation that took effect long before counts once, and so does all that was folded after it", async () => {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll();
  const [eu, us] = bed.regions as [typeof bed.first, typeof bed.first];
  bed.servers.cutOff.add("us");
  const one = new Origin("eu");
  const other = new Origin("us");
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) {
    bed.servers.store(0, one.entry(idsOf(name)));
    // Of the first operations, tried again in another region: by then no fold remembers their ids.
    if (name === "d")
      bed.servers.store(0, other.entry([...idsOf("a").slice(0, 5), ...idsOf("other").slice(5)]));
  }
  await bed.world.run(bed.world.nowMs + 30_000);
  bed.servers.cutOff.delete("us");
  await bed.world.run(bed.world.nowMs + 60_000);
  const expected = (names.length + 1) * OPERATIONS - 5;
  for (const { database } of [eu, us]) {
    const records = [...Array(KEYS).keys()].map((index) => ({
      tenant: TENANT,
      collection: COLLECTION,
      key: `key-${index}`,
    }));
    const slice = database.loadSlice({ partition: 0, records, operations: idsOf("f") });
    const sums = records.map((id) => {
      const state = slice.records.get(recordIdText(id))?.fields["likes"];
      return state?.kind === "counter" ? state.sum : 0;
    });
    expect(sums.reduce((sum, each) => sum + each, 0)).toBe(expected);
    expect(slice.operations.size).toBe(OPERATIONS);
  }
});
