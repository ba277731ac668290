/** Shops in every region that sell one stock, each under idempotency keys of its own; they remember what they were told. */
import type { SeededRandom } from "../../simulation/random.ts";
import { eventually, type Bed } from "./bed.ts";
import { send } from "./request.ts";

const PIECES_MAX = 4;
const RETRY_DELAY_MS = 100;
const RETRIES_LIMIT_MS = 60_000;

export interface Goods {
  readonly collection: string;
  readonly key: string;
}

export interface Left {
  readonly here: number;
  readonly total: number;
}

export type Sale = { readonly status: "sold" } | { readonly status: "insufficient"; readonly left: Left };

/** Takes until it is certain whether the region has accepted it: what was not answered is asked again under the same key. */
export async function take(
  bed: Bed,
  goods: Goods,
  order: { region: string; pieces: number; idempotencyKey: string },
): Promise<Sale> {
  const { region, pieces, idempotencyKey } = order;
  const path = `/v1/collections/${goods.collection}/records/${goods.key}`;
  return eventually(
    `${region} has answered ${idempotencyKey}`,
    async () => {
      const answer = await send(`${bed.cluster.region(region).url}${path}`, {
        method: "PATCH",
        headers: { "idempotency-key": idempotencyKey },
        body: { take: { stock: pieces } },
      });
      if (answer?.status === 202 || answer?.status === 200) return { status: "sold" };
      if (answer?.status === 409) return { status: "insufficient", left: answer.body["left"] as Left };
      if (answer === undefined || answer.status === 503 || answer.status === 504) return undefined;
      throw new Error(`a take was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    },
    RETRIES_LIMIT_MS,
  );
}

/** One client of one region, for as long as it can sell something or may again. */
export class Shop {
  readonly #bed: Bed;
  readonly #goods: Goods;
  readonly region: string;
  readonly #random: SeededRandom;
  /** Pieces, by what became of them. */
  sold = 0;
  refusals = 0;
  isOver = false;

  constructor(bed: Bed, goods: Goods, options: { region: string; random: SeededRandom }) {
    this.#bed = bed;
    this.#goods = goods;
    this.region = options.region;
    this.#random = options.random;
  }

  /** Sells until `isOver`, or until nothing is left in any region. */
  async run(name: string): Promise<void> {
    for (let count = 0; !this.isOver; count += 1) {
      const pieces = this.#random.integer(1, PIECES_MAX);
      const sold = await this.#sell(`${name}-${count}`, pieces);
      if (sold === "nothing left") return;
    }
  }

  async #sell(idempotencyKey: string, pieces: number): Promise<"sold" | "refused" | "nothing left"> {
    const sale = await take(this.#bed, this.#goods, { region: this.region, pieces, idempotencyKey });
    if (sale.status === "sold") {
      this.sold += pieces;
      return "sold";
    }
    this.refusals += 1;
    if (sale.left.total === 0) return "nothing left";
    await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * (0.5 + this.#random.fraction())));
    return "refused";
  }
}
