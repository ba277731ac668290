/** Clients in every region that move money between accounts, and remember what the log made of each transfer. */
import { partitionOf } from "../../../services/core/partition.ts";
import { SeededRandom } from "../../simulation/random.ts";
import { eventually, type Bed } from "./bed.ts";
import { createCollection } from "./load.ts";
import { settle, type Settled, type Verdict } from "./settle.ts";
import type { Snapshot } from "./snapshots.ts";

const TENANT = "default";
const ACCOUNTS = Array.from({ length: 6 }, (_, number) => `{bank}/${number}`);
const BALANCE = 100;
/** Often more than there is: the log then refuses. */
const AMOUNT_MAX = 60;
/** Such a client sends its transfer through two regions at once, so that the log has it twice. */
const IMPATIENT = 0.25;
/** Then the client asks what became of the transfer. */
const TRIES_MAX = 3;
const SCHEMA = { fields: { balance: { class: "authoritative", type: "integer", min: 0 } } };

export const BALANCES_SUM = BALANCE * ACCOUNTS.length;

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly verdict: Verdict;
}

export type Balances = { readonly [account: string]: number };

export class Bank {
  readonly #bed: Bed;
  readonly #options: { readonly seed: number; readonly collection: string };
  readonly transfers: Transfer[] = [];
  readonly #clients: Promise<void>[] = [];
  /** What no client should meet. */
  readonly failures: string[] = [];
  #isOver = false;

  constructor(bed: Bed, options: { seed: number; collection: string }) {
    this.#bed = bed;
    this.#options = options;
  }

  /** Where all accounts are: their keys have one tag. */
  get partition(): number {
    return partitionOf({ tenant: TENANT, key: ACCOUNTS[0]! }, this.#bed.partitions);
  }

  get committed(): number {
    return this.transfers.filter(({ verdict }) => verdict.status === "committed").length;
  }

  /** All accounts in one transaction: the sum is right from the first position on. */
  async open(): Promise<void> {
    const { collection } = this.#options;
    await createCollection(this.#bed, collection, SCHEMA);
    const writes = ACCOUNTS.map((key) => ({ collection, key, inc: { balance: BALANCE } }));
    const { verdict } = await settle(this.#bed, transaction("open", writes), { first: "eu" });
    if (verdict.status !== "committed") throw new Error(`the accounts were not made: ${verdict.status}`);
  }

  start(clientsPerRegion: number): void {
    for (const { name } of this.#bed.cluster.regions) {
      for (let number = 0; number < clientsPerRegion; number += 1) {
        this.#clients.push(this.#client(name, this.#clients.length));
      }
    }
  }

  async #client(region: string, number: number): Promise<void> {
    const random = new SeededRandom(this.#options.seed * 1_000 + number);
    try {
      for (let count = 0; !this.#isOver; count += 1) {
        await this.#transfer(region, random, `transfer-${number}-${count}`);
        await new Promise((resolve) => setTimeout(resolve, random.integer(0, 10)));
      }
    } catch (error) {
      this.failures.push(String(error));
    }
  }

  async #transfer(region: string, random: SeededRandom, idempotencyKey: string): Promise<void> {
    const { collection } = this.#options;
    const from = random.pick(ACCOUNTS);
    const to = random.pick(ACCOUNTS.filter((account) => account !== from));
    const amount = random.integer(1, AMOUNT_MAX);
    const writes = [
      { collection, key: from, inc: { balance: -amount } },
      { collection, key: to, inc: { balance: amount } },
    ];
    const request = transaction(idempotencyKey, writes);
    const regions = this.#bed.cluster.regions.map(({ name }) => name).filter((name) => name !== region);
    const ways = random.chance(IMPATIENT) ? [region, random.pick(regions)] : [region];
    const settled = await Promise.all(
      ways.map((first) => settle(this.#bed, request, { first, triesMax: TRIES_MAX })),
    );
    const verdict = this.#verdictOf(settled);
    if (verdict.status === "rejected" && !BEYOND_BALANCE.includes(verdict.code))
      this.failures.push(`${idempotencyKey} was rejected: ${verdict.code}`);
    this.transfers.push({ from, to, amount, verdict });
  }

  /** Of one operation: that one way was without effect says nothing of the other, but a decision is one decision. */
  #verdictOf(settled: readonly Settled[]): Verdict {
    const decided = settled.filter(({ verdict }) => verdict.status !== "dead");
    const [first] = decided;
    for (const { operation, verdict } of decided) {
      if (verdict.status !== first!.verdict.status)
        this.failures.push(`${operation} was told ${first!.verdict.status} and ${verdict.status}`);
    }
    return first?.verdict ?? { status: "dead" };
  }

  /** Lets clients go on until so many more transfers are committed, or the test has failed already. */
  async untilCommitted(more: number, hasFailed: () => boolean): Promise<void> {
    const goal = this.committed + more;
    await eventually(`${more} more transfers are committed`, () =>
      this.committed >= goal || this.failures.length > 0 || hasFailed() ? true : undefined,
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** What the accounts hold if each committed transfer took effect once, and no other did. */
  expected(): Balances {
    const balances = Object.fromEntries(ACCOUNTS.map((account) => [account, BALANCE]));
    for (const { from, to, amount, verdict } of this.transfers) {
      if (verdict.status !== "committed") continue;
      balances[from]! -= amount;
      balances[to]! += amount;
    }
    return balances;
  }
}

/** As a problem and as a receipt tell it. */
const BEYOND_BALANCE = ["out-of-bounds", "bound"];

function transaction(idempotencyKey: string, writes: readonly object[]) {
  return { method: "POST", path: "/v1/transactions", body: { writes }, idempotencyKey } as const;
}

export function balancesIn({ records }: Snapshot): Balances {
  return Object.fromEntries(
    [...records].map(([key, { fields }]) => {
      const balance = fields["balance"];
      return [key, balance?.kind === "value" ? (balance.value as number) : Number.NaN];
    }),
  );
}

export function sumOf(balances: Balances): number {
  return Object.values(balances).reduce((sum, balance) => sum + balance, 0);
}
