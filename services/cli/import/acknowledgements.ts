/** Which rows are done, in the order in which they were read: up to where an import need not be done again. */

export interface Place {
  readonly number: number;
  readonly place: string;
}

export interface OpenRow extends Place {
  isDone: boolean;
  /** A rejected row as its file has it. */
  reject: string | undefined;
}

/** Rows that are read and not done are in memory: as many as lanes hold. */
export class Acknowledgements {
  readonly #rows: OpenRow[] = [];
  #first = 0;
  #last: Place | undefined;
  #rejects: string[] = [];

  constructor(last: Place | undefined) {
    this.#last = last;
  }

  /** The last row before which all are done. */
  get last(): Place | undefined {
    return this.#last;
  }

  read({ number, place }: Place): OpenRow {
    const row = { number, place, isDone: false, reject: undefined };
    this.#rows.push(row);
    return row;
  }

  /** @param reject what is to be written of the row, which was rejected. */
  done(row: OpenRow, reject?: string): void {
    row.isDone = true;
    row.reject = reject;
    while (this.#rows[this.#first]?.isDone === true) {
      const { number, place, reject: text } = this.#rows[this.#first]!;
      this.#last = { number, place };
      if (text !== undefined) this.#rejects.push(text);
      this.#first += 1;
    }
    if (this.#first < 4_096) return;
    this.#rows.splice(0, this.#first);
    this.#first = 0;
  }

  /** Rejected rows up to the last one, in their order; each is handed over once. */
  takeRejects(): readonly string[] {
    const taken = this.#rejects;
    this.#rejects = [];
    return taken;
  }
}
