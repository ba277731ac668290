/** An applier whose own copy of the log is damaged reads another region's, and stops where no copy has what comes next. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import {
  LogGapError,
  type GlobalLog,
  type LogMessage,
  type LogSubscription,
} from "../../../services/ports/global-log.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding } from "../gateway/bed.ts";

const DAMAGED = 4;
const END = 8;

const TICK = encodeEntry({
  kind: "tick",
  origin: "eu",
  hlc: hlcFromMilliseconds(1_000),
  walHead: 0,
  appliedPosition: 1,
  chain: ZERO_HASH,
  software: "test",
  reads: 6,
});

type Damage = (messages: readonly LogMessage[]) => LogMessage[];

/** The server leaves the entry out, which the subscription notices. */
const heldBack: Damage = (messages) => {
  const before = messages.filter(({ position }) => position < DAMAGED);
  if (before.length === 0 && messages.length > 0 && messages[0]!.position === DAMAGED)
    throw new LogGapError(DAMAGED, `position ${DAMAGED + 1} came instead of ${DAMAGED}`);
  return messages[0]?.position === undefined || messages[0].position > DAMAGED ? [...messages] : before;
};

const garbled: Damage = (messages) =>
  messages.map((message) => {
    if (message.position !== DAMAGED) return message;
    const data = Uint8Array.from(message.data);
    data[data.length - 3]! ^= 4;
    return { ...message, data };
  });

class Region {
  readonly bed = new Bed({ regions: ["eu"] });
  readonly readElsewhere: boolean[] = [];
  stopped: string | undefined;
  readonly #damage: Damage;
  readonly #isEverywhere: boolean;

  constructor(damage: Damage, { isEverywhere = false } = {}) {
    this.#damage = damage;
    this.#isEverywhere = isEverywhere;
    const { options } = this.bed.first;
    const applier = new Applier({
      ...options,
      members: ["eu"],
      partition: 0,
      log: this.#damaged(options.log),
      metrics: {
        ...silentMetrics,
        readsElsewhere: (isElsewhere) => void this.readElsewhere.push(isElsewhere),
        stopped: (reason) => (this.stopped = reason),
      },
    });
    void applier.run(new AbortController().signal);
  }

  #damaged(log: GlobalLog): GlobalLog {
    return overriding(log, {
      subscribe: async (options) => {
        const subscription = await log.subscribe(options);
        if (options.isElsewhere === true && !this.#isEverywhere) return subscription;
        return overriding<LogSubscription>(subscription, {
          // One at a time, so that what comes before the damage is handed out.
          receive: async (limits) => this.#damage(await subscription.receive({ ...limits, messagesMax: 1 })),
        });
      },
    });
  }

  get position(): number {
    return this.bed.first.database.loadPartition(0).position;
  }

  async run(isThere: () => boolean, what: string): Promise<void> {
    await this.runOn(() => this.position >= 1, "the genesis");
    while (this.bed.servers.messages(0).length < END) this.bed.servers.store(0, TICK);
    await this.runOn(isThere, what);
  }

  async runOn(isThere: () => boolean, what: string, limitMs = 60_000): Promise<void> {
    await this.bed.world.runUntil(isThere, { limitMs, what });
  }
}

describe.each([
  ["holds an entry back", heldBack, /no replica.*hands out position 4/],
  ["has an entry garbled", garbled, /checksum/],
])("a copy of the log that %s", (_, damage, reason) => {
  it("is given up for another region's, and folding goes on", async () => {
    const region = new Region(damage);
    await region.run(() => region.position === END, "the end of the log");
    expect(region.readElsewhere.at(0)).toBe(false);
    expect(region.readElsewhere.at(-1)).toBe(true);
    expect(region.stopped).toBeUndefined();
  });

  it("is tried again ten minutes later, where nothing else ends the reading elsewhere", async () => {
    const region = new Region(damage);
    await region.run(() => region.position === END, "the end of the log");
    await region.runOn(() => region.readElsewhere.at(-1) === false, "the own copy", 660_000);
    region.bed.servers.store(0, TICK);
    await region.runOn(() => region.position === END + 1, "the next entry");
    expect(region.stopped).toBeUndefined();
  });

  it("stops folding where the others are no better, and says so", async () => {
    const region = new Region(damage, { isEverywhere: true });
    await region.run(() => region.stopped !== undefined, "a stop");
    expect(region.stopped).toMatch(reason);
    expect(region.position).toBeLessThan(DAMAGED);
  });
});
