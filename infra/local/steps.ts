/** The steps of a bring-up, as they are told to whoever watches. */

export interface Step {
  readonly name: string;
  /** `note` stands alone; the others are the begin and the end of one step. */
  readonly state: "started" | "done" | "failed" | "note";
  /** What came of it, such as a version or an address. */
  readonly detail?: string;
  readonly durationMs?: number;
}

export type OnStep = (step: Step) => void;

export interface StepOptions<T> {
  readonly name: string;
  readonly run: () => Promise<T>;
  /** What is told of the result. */
  readonly describe?: (result: T) => string;
}

/** Runs one step and tells its begin, its end, how long it took and what it says of its result. */
export async function runStep<T>(onStep: OnStep, { name, run, describe }: StepOptions<T>): Promise<T> {
  const startMs = performance.now();
  onStep({ name, state: "started" });
  try {
    const result = await run();
    const detail = describe?.(result) ?? "";
    onStep({ name, state: "done", detail, durationMs: performance.now() - startMs });
    return result;
  } catch (error) {
    onStep({ name, state: "failed", durationMs: performance.now() - startMs });
    throw error;
  }
}
