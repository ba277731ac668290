/** The last order of an operator about who leads. Kept in memory: a process that is new hears of it from other regions. */
import type { PlacementHold } from "../protocol/placement-message.ts";

interface Order {
  readonly id: string;
  readonly leader: string;
  readonly givenAtMs: number;
  readonly holdMs: number;
}

/** Long after its end it tells nothing new. */
const FORGOTTEN_AFTER_MS = 3_600_000;

export class Hold {
  #order: Order | undefined;

  /**
   * Takes an order over if it is a later one. The same order is never taken twice: told on and on, it would get younger
   * by the way of each message.
   */
  hear({ id, leader, ageMs, holdMs }: PlacementHold, nowMs: number): void {
    const known = this.#order;
    const givenAtMs = nowMs - ageMs;
    if (known !== undefined && (known.id === id || known.givenAtMs > givenAtMs)) return;
    this.#order = { id, leader, givenAtMs, holdMs };
  }

  isHeld(nowMs: number): boolean {
    const order = this.#order;
    return order !== undefined && nowMs - order.givenAtMs < order.holdMs;
  }

  /** To be told to others, also when it is over: they may know an earlier one only. */
  told(nowMs: number): PlacementHold | undefined {
    const order = this.#order;
    if (order === undefined) return undefined;
    const ageMs = nowMs - order.givenAtMs;
    if (ageMs > order.holdMs + FORGOTTEN_AFTER_MS) return undefined;
    return { id: order.id, leader: order.leader, ageMs, holdMs: order.holdMs };
  }
}
