/** What checkers know of a database's outcomes, besides what it holds: those that were forgotten, and those that it has lost. */
import type { OperationOutcome } from "../../services/core/fold/state.ts";

export class OutcomeHistory {
  /** By partition and id. */
  readonly #ever = new Map<string, OperationOutcome>();
  readonly #lost = new Map<string, OperationOutcome>();

  add(partition: number, outcome: OperationOutcome): void {
    this.#ever.set(`${partition} ${outcome.id}`, outcome);
  }

  /** The database has fallen back behind them. */
  lose(outcomes: readonly OperationOutcome[]): void {
    for (const outcome of outcomes) this.#lost.set(outcome.id, outcome);
  }

  /** Those of a partition up to a position, by id. */
  upTo(partition: number, position: number): ReadonlyMap<string, OperationOutcome> {
    const folded = [...this.#ever].filter(
      ([name, outcome]) => name.startsWith(`${partition} `) && outcome.position <= position,
    );
    return new Map(folded.map(([, outcome]) => [outcome.id, outcome]));
  }

  find(partition: number, { id, position }: { id: string; position: number }): OperationOutcome | undefined {
    const outcome = this.#ever.get(`${partition} ${id}`);
    return outcome !== undefined && outcome.position <= position ? outcome : undefined;
  }

  lost(id: string): OperationOutcome | undefined {
    return this.#lost.get(id);
  }
}
