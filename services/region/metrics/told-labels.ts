/** Which values of a label series were told with, by partition: those that are true no more have to be removed. */

/** A metric whose series can be taken back. */
export interface Removable {
  remove(labels: { [label: string]: string }): void;
}

export class ToldLabels {
  readonly #label: string;
  readonly #metrics: readonly Removable[];
  readonly #told = new Map<string, ReadonlySet<string>>();

  constructor(label: string, metrics: readonly unknown[]) {
    this.#label = label;
    this.#metrics = metrics as readonly Removable[];
  }

  /** Removes the partition's series of all values but these. */
  only(partition: string, values: Iterable<string>): void {
    const now = new Set(values);
    for (const value of this.#told.get(partition) ?? []) {
      if (now.has(value)) continue;
      for (const metric of this.#metrics) metric.remove({ partition, [this.#label]: value });
    }
    if (now.size === 0) this.#told.delete(partition);
    else this.#told.set(partition, now);
  }
}
