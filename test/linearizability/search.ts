/**
 * The search for a linearization of one key's operations: Wing & Gong, "Testing and verifying concurrent objects" (1993),
 * with the memoisation of Lowe, "Testing for linearizability" (2017).
 *
 * The next operation in the order is one that was called before the first return of those not yet placed. Each that the
 * model takes is tried, in depth, and taken back when it leads nowhere. Beyond the papers, and without changing a verdict:
 *  - Operations with an unknown outcome are tried last, only where an operation waits for what they do, and
 *    `Configurations` forgets sets of them that are no better.
 *  - Of operations that differ in nothing but their times, the one that must be placed first is: they could change places.
 *  - An observation that fits is placed at once, with no alternative tried: wherever it stood later, it could stand here.
 *  - A configuration is given up at once when the model says that an operation which is left can fit no more, or when the
 *    last of those who could have written a value that is still to be seen is overwritten.
 */
import {
  Configurations,
  hasUnknown,
  NOTHING_PLACED,
  placeKnown,
  placeUnknown,
  type PlacedSet,
} from "./configurations.ts";
import { listEvents, type Event, type EventLists } from "./event-list.ts";
import type { RecordedOperation } from "./history.ts";
import type { Model } from "./model.ts";
import { subjectsOf, type Demand, type Subjects } from "./subjects.ts";

export type SearchOutcome<Input, Output> =
  | {
      readonly type: "found";
      /** All of a known outcome, and others that it makes use of. */
      readonly order: readonly RecordedOperation<Input, Output>[];
      readonly steps: number;
    }
  | { readonly type: "none"; readonly steps: number }
  | { readonly type: "gave-up"; readonly steps: number };

/** An operation, and the states it may lead to from here. */
interface Choice<State, Input, Output> {
  readonly event: Event<Input, Output>;
  readonly successors: readonly State[];
  /** The first successor not tried. */
  readonly next: number;
  /** There are no alternatives: nothing else need stand in its place. */
  readonly isForced: boolean;
}

/** An operation placed, and the configuration before it. */
interface Frame<State, Input, Output> extends Choice<State, Input, Output> {
  readonly state: State;
  readonly placed: PlacedSet;
}

export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #demands: Subjects<Input, Output>["demands"];
  readonly #lists: EventLists<Input, Output>;
  readonly #reached = new Configurations();
  readonly #frames: Frame<State, Input, Output>[] = [];
  #state: State;
  #placed = NOTHING_PLACED;
  #steps = 0;
  /** The values that were wanted in the configuration in which that was last asked. */
  #wanted: { readonly at: PlacedSet | undefined; readonly values: ReadonlySet<Demand> | undefined } = {
    at: undefined,
    values: undefined,
  };

  constructor(model: Model<State, Input, Output>, operations: readonly RecordedOperation<Input, Output>[]) {
    const { all, demands } = subjectsOf(model, operations);
    this.#model = model;
    this.#demands = demands;
    this.#lists = listEvents(all);
    this.#state = model.initial;
    this.#reached.add(this.#placed, model.stateKey(model.initial));
  }

  /** @param stepsMax how often the model may be asked for a step. */
  run(stepsMax: number): SearchOutcome<Input, Output> {
    if (this.#isValueMissing()) return { type: "none", steps: 0 };
    let candidate = this.#arrive();
    while (this.#lists.known.first !== undefined) {
      if (this.#steps >= stepsMax) return { type: "gave-up", steps: this.#steps };
      if (candidate !== undefined) {
        candidate = this.#try(candidate);
        continue;
      }
      const frame = this.#frames.pop();
      if (frame === undefined) return { type: "none", steps: this.#steps };
      candidate = this.#takeBack(frame);
    }
    const order = this.#frames.map(({ event }) => event.subject.operation);
    return { type: "found", order, steps: this.#steps };
  }

  /** True when a value is to be seen that nothing ever writes. */
  #isValueMissing(): boolean {
    const initial = this.#model.hints?.values?.of(this.#state);
    return [...this.#demands].some(
      ([value, { needed, given }]) => needed > 0 && given === 0 && value !== initial,
    );
  }

  /** Each function that moves on returns the next candidate, or undefined when there is none left here. */
  #try(event: Event<Input, Output>): Event<Input, Output> | undefined {
    if (this.#hasEarlierTwin(event)) return this.#following(event);
    return this.#place({ event, successors: this.#step(event), next: 0, isForced: false });
  }

  #takeBack(frame: Frame<State, Input, Output>): Event<Input, Output> | undefined {
    const { event } = frame;
    const { needs, gives } = event.subject;
    this.#listOf(event).unlift(event);
    if (needs !== undefined) needs.needed += 1;
    if (gives !== undefined) gives.given += 1;
    this.#state = frame.state;
    this.#placed = frame.placed;
    return frame.isForced ? undefined : this.#place(frame);
  }

  #place(choice: Choice<State, Input, Output>): Event<Input, Output> | undefined {
    const { event, successors } = choice;
    for (let { next } = choice; next < successors.length; next += 1) {
      if (this.#moveOn({ event, successors, next: next + 1, isForced: false })) return this.#arrive();
    }
    return this.#following(event);
  }

  /** Goes to the successor before the next. @returns false, and changes nothing, when the search has been there. */
  #moveOn(choice: Choice<State, Input, Output>): boolean {
    const { event, successors, next } = choice;
    const state = successors[next - 1]!;
    const place = event.subject.isKnown ? placeKnown : placeUnknown;
    const placed = place(this.#placed, event.index);
    if (!this.#reached.add(placed, this.#model.stateKey(state))) return false;
    this.#frames.push({ ...choice, state: this.#state, placed: this.#placed });
    const { needs, gives } = event.subject;
    this.#listOf(event).lift(event);
    if (needs !== undefined) needs.needed -= 1;
    if (gives !== undefined) gives.given -= 1;
    this.#state = state;
    this.#placed = placed;
    return true;
  }

  /** Looks over a new configuration, and places what can be placed without a choice. */
  #arrive(): Event<Input, Output> | undefined {
    if (this.#isValueLost()) return undefined;
    for (;;) {
      if (this.#isAnyImpossible()) return undefined;
      const event = this.#fittingObservation();
      if (event === undefined) return this.#lists.known.first;
      if (!this.#moveOn({ event, successors: [this.#state], next: 1, isForced: true })) return undefined;
    }
  }

  /** True when the last operation has overwritten a value that is still to be seen, and nothing can write it again. */
  #isValueLost(): boolean {
    const { values } = this.#model.hints ?? {};
    const before = this.#frames.at(-1)?.state;
    if (values === undefined || before === undefined) return false;
    const value = values.of(before);
    const demand = this.#demands.get(value);
    return (
      demand !== undefined && demand.needed > 0 && demand.given === 0 && value !== values.of(this.#state)
    );
  }

  #isAnyImpossible(): boolean {
    const { isPossibleLater } = this.#model.hints ?? {};
    if (isPossibleLater === undefined) return false;
    for (let event = this.#lists.known.first; event?.kind === "call"; event = event.next) {
      const { input, output } = event.subject;
      if (!isPossibleLater(this.#state, input, output as Output)) return true;
    }
    return false;
  }

  #fittingObservation(): Event<Input, Output> | undefined {
    for (let event = this.#lists.known.first; event?.kind === "call"; event = event.next) {
      if (event.subject.isObservation && this.#changes(event).includes(false)) return event;
    }
    return undefined;
  }

  #step({ subject }: Event<Input, Output>): readonly State[] {
    this.#steps += 1;
    return this.#model.step(this.#state, subject.input, subject.output);
  }

  /** True when another operation of the same kind could stand here, and must not stand later than this one. */
  #hasEarlierTwin(event: Event<Input, Output>): boolean {
    const { subject, partner, twin } = event;
    if (!subject.isKnown) return twin !== undefined && !hasUnknown(this.#placed, twin.index);
    for (let other = this.#lists.known.first; other?.kind === "call"; other = other.next) {
      if (other.subject.twins === subject.twins && other.partner!.position < partner!.position) return true;
    }
    return false;
  }

  /** The candidate after this one: first the known ones, then the unknown ones. */
  #following(event: Event<Input, Output>): Event<Input, Output> | undefined {
    if (event.subject.isKnown && event.next?.kind === "call") return event.next;
    const limit = this.#firstReturn();
    let other = event.subject.isKnown ? this.#lists.unknown.first : event.next;
    while (other !== undefined && other.position < limit && !this.#isOfUse(other)) other = other.next;
    return other !== undefined && other.position < limit ? other : undefined;
  }

  #firstReturn(): number {
    let event = this.#lists.known.first;
    while (event?.kind === "call") event = event.next;
    return event?.position ?? Infinity;
  }

  #isOfUse({ subject }: Event<Input, Output>): boolean {
    if (this.#wanted.at !== this.#placed) this.#wanted = { at: this.#placed, values: this.#wantedValues() };
    const { values } = this.#wanted;
    return values === undefined || subject.gives === undefined || values.has(subject.gives);
  }

  /** Values that something which can be next waits for; undefined where any may be of use. */
  #wantedValues(): ReadonlySet<Demand> | undefined {
    if (this.#model.hints?.values === undefined) return undefined;
    const wanted = new Set<Demand>();
    for (let event = this.#lists.known.first; event?.kind === "call"; event = event.next) {
      const { needs, isObservation } = event.subject;
      if (needs !== undefined) wanted.add(needs);
      else if (isObservation || this.#step(event).length === 0) return undefined;
    }
    const limit = this.#firstReturn();
    let event = this.#lists.unknown.first;
    for (; event !== undefined && event.position < limit; event = event.next) {
      const { gives } = event.subject;
      // It waits for something itself.
      const isVain = gives !== undefined && wanted.has(gives) && !this.#changes(event).includes(true);
      if (isVain) return undefined;
    }
    return wanted;
  }

  /** Of each state that the operation may lead to: whether it is another one. */
  #changes(event: Event<Input, Output>): readonly boolean[] {
    const { stateKey } = this.#model;
    return this.#step(event).map((state) => stateKey(state) !== stateKey(this.#state));
  }

  #listOf(event: Event<Input, Output>): EventLists<Input, Output>["known"] {
    return event.subject.isKnown ? this.#lists.known : this.#lists.unknown;
  }
}
