/** Faults of a cluster on one machine, for its console: asked and ordered through its control channel. */

export interface ChaosAnswer {
  /** As HTTP has it. */
  readonly status: number;
  /** JSON. */
  readonly text: string;
}

export interface Chaos {
  /** What is broken now. @throws {ChaosUnavailableError} */
  faults(): Promise<ChaosAnswer>;
  /** @param action JSON, which the control channel checks. @throws {ChaosUnavailableError} whether it was done is unknown. */
  perform(action: string): Promise<ChaosAnswer>;
}

/** The control channel does not answer. */
export class ChaosUnavailableError extends Error {
  override readonly name = "ChaosUnavailableError";
}
