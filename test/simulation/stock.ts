/**
 * Shops that sell one stock in all regions at once: takes are accepted by a region alone, and yet nobody may sell what is
 * not there (I10). What was accepted counts, what was refused does not, and in the end all of it can be sold.
 */
import { valueOfEscrow, type EscrowState } from "../../services/core/fields/merge/escrow.ts";
import { idempotentOperationId } from "../../services/core/operation-id.ts";
import { partitionOf } from "../../services/core/partition.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import type { CollectionSchema } from "../../services/core/schema.ts";
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { GatewayError } from "../../services/gateway/errors.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { require } from "./require.ts";
import type { Restores } from "./restores.ts";
import { Process, type World } from "./world.ts";

export const GOODS = "goods";
const MIN = -5;
export const GOODS_SCHEMA: CollectionSchema = {
  fields: {
    stock: { class: "merge", kind: "escrow" },
    credit: { class: "merge", kind: "escrow", min: MIN },
    title: { class: "lww" },
  },
};

const TENANT = "default";
const KEYS = ["lamp", "chair", "desk"];
const FIELDS: { readonly stock: number; readonly credit: number } = { stock: 0, credit: MIN };
type Field = keyof typeof FIELDS;
const CLIENT_TIMEOUT_MS = 2_500;
const TRIES_MAX = 4;
/** Rights come from other regions within some tries. */
const SELL_OUT_TRIES_MAX = 400;

interface Sale {
  readonly id: string;
  readonly key: string;
  readonly amounts: { readonly [Name in Field]?: number };
  accepted: boolean;
}

/** Takes and gives, by sign. */
interface Order {
  readonly key: string;
  readonly amounts: Sale["amounts"];
  readonly region: SimulatedRegion;
}

export class StockClients {
  readonly #cluster: SimulatedCluster;
  readonly #world: World;
  readonly #sales: Sale[] = [];
  readonly failures: unknown[] = [];
  isOver = false;
  sold = 0;
  refused = 0;

  readonly #restores: Restores | undefined;

  constructor(cluster: SimulatedCluster, restores?: Restores) {
    this.#restores = restores;
    this.#cluster = cluster;
    this.#world = cluster.world;
  }

  start(clients: number): void {
    for (let number = 0; number < clients; number += 1) {
      this.#client(number).catch((error: unknown) => this.failures.push(error));
    }
  }

  async #client(number: number): Promise<void> {
    const process = new Process(this.#world, `shop-${number}`);
    const { random } = this.#world;
    for (let count = 0; !this.isOver; count += 1) {
      await process.pass(random.integer(5, 120));
      const isGift = random.chance(0.2);
      const amount = isGift ? random.integer(1, 30) : -random.integer(1, 6);
      const field: Field = random.chance(0.7) ? "stock" : "credit";
      const amounts = random.chance(0.1) ? { stock: amount, credit: amount } : { [field]: amount };
      const region = random.pick(this.#cluster.regions);
      await this.#order(process, `shop-${number}-${count}`, { key: random.pick(KEYS), amounts, region });
    }
  }

  /** Tries until it is known, sometimes through another region; a refusal is known as well. */
  async #order(process: Process, name: string, order: Order): Promise<"accepted" | "insufficient" | "open"> {
    const { random } = this.#world;
    const { key, amounts } = order;
    const sale: Sale = { id: idempotentOperationId(TENANT, name), key, amounts, accepted: false };
    this.#sales.push(sale);
    let { region } = order;
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const answer = await this.#try(process, name, { ...order, region });
      if (answer === "accepted") {
        sale.accepted = true;
        this.#checkRegion(region, key);
        // Some answers are lost on the way to the client, who then sends the same again, perhaps elsewhere.
        if (random.chance(0.9)) return answer;
      } else if (answer === "insufficient" && !sale.accepted) {
        this.refused += 1;
        return answer;
      }
      await process.pass(random.integer(10, 400));
      if (random.chance(0.4)) region = random.pick(this.#cluster.regions);
    }
    return sale.accepted ? "accepted" : "open";
  }

  async #try(process: Process, name: string, order: Order): Promise<"accepted" | "insufficient" | "unknown"> {
    const { region, key, amounts } = order;
    const { processes } = region;
    if (processes.length === 0) return "unknown";
    const { gateway } = this.#world.random.pick(processes);
    const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: CLIENT_TIMEOUT_MS };
    const body = bodyOf(amounts);
    const request = { ...context, collection: GOODS, key, body, idempotencyKey: name, waitCommitted: false };
    const answer = gateway.write(request).then(
      () => "accepted" as const,
      (error: unknown) => this.#refusal(error),
    );
    return Promise.race([answer, process.pass(CLIENT_TIMEOUT_MS + 500).then(() => "unknown" as const)]);
  }

  #refusal(error: unknown): "insufficient" | "unknown" {
    if (error instanceof GatewayError && error.code === "insufficient") return "insufficient";
    const isClear = error instanceof Error && ["GatewayError", "StoreUnavailableError"].includes(error.name);
    if (!isClear && !/died/.test(String(error))) this.failures.push(error);
    return "unknown";
  }

  /** I10, in the region's own view: what is promised is there. */
  #checkRegion({ name, database }: SimulatedRegion, key: string): void {
    const partition = this.#partitionOf(key);
    const { escrows } = database.readEscrows({ partition, tenant: TENANT, collection: GOODS, key });
    for (const { field, here } of escrows) {
      // A database that went back sells by the rights of then, until it has folded what was sold since.
      if (here >= 0 || this.#cluster.wentBack.has(name)) continue;
      const detail = `${name} has promised ${-here} of ${field} of ${key} that it has not the rights to`;
      this.failures.push(new Error(`I10: ${detail}`));
    }
  }

  #partitionOf(key: string): number {
    return partitionOf({ tenant: TENANT, key }, this.#cluster.options.partitions);
  }

  /** Once all is calm one shop sells everything that is left anywhere, for the others move their rights to it. */
  async sellOut(): Promise<void> {
    const process = new Process(this.#world, "shop-last");
    const region = this.#world.random.pick(this.#cluster.regions);
    for (const key of KEYS) {
      for (const field of Object.keys(FIELDS) as Field[])
        await this.#sellOutOne(process, { region, key, field });
    }
  }

  async #sellOutOne(
    process: Process,
    goods: { region: SimulatedRegion; key: string; field: Field },
  ): Promise<void> {
    const { region, key, field } = goods;
    for (let count = 0; count < SELL_OUT_TRIES_MAX; count += 1) {
      const left = this.#leftOf(goods);
      if (left === 0) return;
      const amounts = { [field]: -Math.min(left, 7) };
      await this.#order(process, `last-${key}-${field}-${count}`, { key, amounts, region });
      await process.pass(100);
    }
    throw new Error(`I10: ${this.#leftOf(goods)} of ${field} of ${key} can't be sold in ${region.name}`);
  }

  #leftOf({ region, key, field }: { region: SimulatedRegion; key: string; field: Field }): number {
    const id = { tenant: TENANT, collection: GOODS, key };
    const { escrows } = region.database.readEscrows({ partition: this.#partitionOf(key), ...id });
    return escrows.find((escrow) => escrow.field === field)?.total ?? 0;
  }

  /** What was accepted took effect, and nothing else did. */
  checkOutcomes(): void {
    for (const sale of this.#sales) {
      const outcomes = this.#cluster.regions.map(({ database }) =>
        database.outcome(this.#partitionOf(sale.key), sale.id),
      );
      const status = outcomes[0]?.status;
      require(outcomes.every(
        (outcome) => outcome?.status === status,
      ), "I6", `regions disagree on ${sale.id}`);
      const isLost = status === undefined && this.#restores?.lost.has(sale.id) === true;
      const mayLose = (this.#restores?.count ?? 0) > 0 && bodyOf(sale.amounts).take !== undefined;
      const isOversold = status === "superseded" && mayLose;
      const isKept = status === "committed" || isLost || isOversold;
      require(!sale.accepted || isKept, "I10", `${sale.id} was accepted, and is ${status}`);
      require(status !== "superseded" || isOversold, "I10", `${sale.id} was taken, and is superseded`);
      if (status === "committed" && bodyOf(sale.amounts).take !== undefined) this.sold += 1;
    }
    for (const key of KEYS) this.#checkSum(key);
  }

  #checkSum(key: string): void {
    for (const { name, database } of this.#cluster.regions) {
      const partition = this.#partitionOf(key);
      const outcomes = database.outcomes(partition);
      const id = { tenant: TENANT, collection: GOODS, key };
      const { committed } = database.readRecord({ partition, ...id });
      for (const field of Object.keys(FIELDS) as Field[]) {
        const sum = this.#sales
          .filter((sale) => sale.key === key && outcomes.get(sale.id)?.status === "committed")
          .reduce((total, { amounts }) => total + (amounts[field] ?? 0), FIELDS[field]);
        const state = committed?.fields[field];
        const value = state?.kind === "escrow" ? valueOfEscrow(state) : FIELDS[field];
        require(value === sum, "I10", `${name} has ${value} of ${field} of ${key}, the sales leave ${sum}`);
      }
    }
  }
}

function bodyOf(amounts: Sale["amounts"]): { give?: object; take?: object } {
  const of = (sign: 1 | -1) =>
    Object.entries(amounts)
      .filter(([, amount]) => amount * sign > 0)
      .map(([field, amount]) => [field, amount * sign]);
  const [give, take] = [of(1), of(-1)];
  return {
    ...(give.length > 0 && { give: Object.fromEntries(give) as object }),
    ...(take.length > 0 && { take: Object.fromEntries(take) as object }),
  };
}

/** I10, at every position of the log: never below the bound, and no region below its rights. */
export function checkEscrows(record: StoredRecord, position: number): void {
  for (const [field, state] of Object.entries(record.fields)) {
    if (state.kind !== "escrow") continue;
    const { min, rights }: EscrowState = state;
    require(valueOfEscrow(state) >= min, "I10", `${field} of ${record.key} is below ${min} at ${position}`);
    for (const [region, right] of Object.entries(rights)) {
      require(right >= 0, "I10", `${region} has ${right} of ${field} of ${record.key} at ${position}`);
    }
  }
}
