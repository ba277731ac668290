/**
 * The calls and returns of operations that are not placed yet, in the order of their times: a doubly linked list out of
 * which an operation is taken, and put back exactly where it was, in constant time (Wing & Gong 1993; Lowe 2017).
 */
import type { Subject } from "./subjects.ts";

export interface Event<Input, Output> {
  readonly kind: "call" | "return";
  readonly subject: Subject<Input, Output>;
  /** Among all events of the history. */
  readonly position: number;
  /** Among the operations of its list, in the order of their calls. */
  readonly index: number;
  /** Of a call: the return, unless the outcome stayed unknown. */
  partner: Event<Input, Output> | undefined;
  /** Of a call: the last one before it, in its list, of an operation that differs in nothing but its times. */
  readonly twin: Event<Input, Output> | undefined;
  previous: Event<Input, Output> | undefined;
  next: Event<Input, Output> | undefined;
}

export class EventList<Input, Output> {
  #first: Event<Input, Output> | undefined;
  #last: Event<Input, Output> | undefined;

  get first(): Event<Input, Output> | undefined {
    return this.#first;
  }

  append(event: Event<Input, Output>): void {
    event.previous = this.#last;
    if (this.#last === undefined) this.#first = event;
    else this.#last.next = event;
    this.#last = event;
  }

  /** Takes a call and its return out. */
  lift(call: Event<Input, Output>): void {
    this.#unlink(call);
    if (call.partner !== undefined) this.#unlink(call.partner);
  }

  /** Undoes the last `lift` that is not undone. */
  unlift(call: Event<Input, Output>): void {
    if (call.partner !== undefined) this.#relink(call.partner);
    this.#relink(call);
  }

  #unlink(event: Event<Input, Output>): void {
    const { previous, next } = event;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  #relink(event: Event<Input, Output>): void {
    const { previous, next } = event;
    if (previous === undefined) this.#first = event;
    else previous.next = event;
    if (next === undefined) this.#last = event;
    else next.previous = event;
  }
}

/** Operations with a known outcome, which must be placed, and the others, which may be. */
export interface EventLists<Input, Output> {
  readonly known: EventList<Input, Output>;
  readonly unknown: EventList<Input, Output>;
}

interface Moment<Input, Output> {
  readonly kind: "call" | "return";
  readonly at: number;
  readonly subject: Subject<Input, Output>;
}

/** In the order of time. At the same time calls come before returns: what only touches may overlap. */
function momentsOf<Input, Output>(
  subjects: readonly Subject<Input, Output>[],
): readonly Moment<Input, Output>[] {
  const moments = subjects.flatMap((subject): Moment<Input, Output>[] => {
    const { invokedAt, completedAt } = subject.operation;
    const call = { kind: "call", at: invokedAt, subject } as const;
    return subject.isKnown ? [call, { kind: "return", at: completedAt!, subject }] : [call];
  });
  return moments.sort((one, other) => {
    if (one.at !== other.at) return one.at < other.at ? -1 : 1;
    return Number(one.kind === "return") - Number(other.kind === "return");
  });
}

export function listEvents<Input, Output>(
  subjects: readonly Subject<Input, Output>[],
): EventLists<Input, Output> {
  const lists = { known: new EventList<Input, Output>(), unknown: new EventList<Input, Output>() };
  const counts = { known: 0, unknown: 0 };
  const calls = new Map<Subject<Input, Output>, Event<Input, Output>>();
  const twins = new Map<number, Event<Input, Output>>();
  for (const [position, { kind, subject }] of momentsOf(subjects).entries()) {
    const list = subject.isKnown ? "known" : "unknown";
    const call = calls.get(subject);
    const index = call?.index ?? counts[list]++;
    const twin = call === undefined ? twins.get(subject.twins) : undefined;
    const links = { twin, partner: undefined, previous: undefined, next: undefined };
    const event: Event<Input, Output> = { kind, subject, position, index, ...links };
    lists[list].append(event);
    if (call !== undefined) {
      call.partner = event;
      continue;
    }
    calls.set(subject, event);
    twins.set(subject.twins, event);
  }
  return lists;
}
