/** What a hub tells one group: the texts of its records are put together once, and so is the frame of all who are told it alike. */
import type { FeedFrame } from "./outlet.ts";
import type { ToldKind, ToldRecord, WalMarks } from "./told-record.ts";

export class Publication {
  readonly kind: ToldKind;
  readonly told: readonly ToldRecord[];
  /** What the partition's cursor is after it. */
  readonly position: number;
  readonly marks: WalMarks;
  #recordsText: string | undefined;
  #last:
    | (FeedFrame & { readonly idText: string; readonly elsewhere: string; readonly cursor: string })
    | undefined;

  constructor(options: Pick<Publication, "kind" | "told" | "position" | "marks">) {
    this.kind = options.kind;
    this.told = options.told;
    this.position = options.position;
    this.marks = options.marks;
  }

  /** Without what was told to a member that is further already. What is pending may be news of a record that is not. */
  after(position: number, marks: WalMarks | undefined): Publication {
    const isNews = (one: ToldRecord) => one.isNewsAfter(position, marks);
    if (this.position >= position && this.told.every(isNews)) return this;
    return new Publication({
      kind: this.kind,
      told: this.told.filter(isNews),
      position: Math.max(position, this.position),
      marks: this.marks,
    });
  }

  /**
   * @param to.idText the subscription's id as JSON.
   * @param to.elsewhere tells apart what of the cursor is not this partition's position: whoever is equal in both gets one frame.
   * @param cursorAt makes the cursor, with the partition's position in it.
   */
  frameFor(
    { idText, elsewhere }: { readonly idText: string; readonly elsewhere: string },
    cursorAt: (position: number) => string,
  ): FeedFrame & { readonly cursor: string } {
    if (this.#last?.idText === idText && this.#last.elsewhere === elsewhere) return this.#last;
    const cursor = cursorAt(this.position);
    this.#recordsText ??= this.told.map((one) => one.textOf(this.kind)).join(",");
    const text = changesText({ idText, recordsText: this.#recordsText, cursor });
    this.#last = { idText, elsewhere, cursor, text };
    return this.#last;
  }
}

export function changesText(frame: {
  idText: string;
  recordsText: string;
  cursor: string;
  hasMore?: boolean;
}): string {
  const { idText, recordsText, cursor, hasMore = false } = frame;
  const more = hasMore ? ',"more":true' : "";
  return `{"type":"changes","id":${idText},"records":[${recordsText}],"cursor":"${cursor}"${more}}`;
}

export function stateText(frame: {
  idText: string;
  recordsText: string;
  cursor?: string | undefined;
}): string {
  const { idText, recordsText, cursor } = frame;
  const end = cursor === undefined ? "" : `,"complete":true,"cursor":"${cursor}"`;
  return `{"type":"state","id":${idText},"records":[${recordsText}]${end}}`;
}
