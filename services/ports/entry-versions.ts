/**
 * Which processes of a region can read what: several releases may serve it at once while it is upgraded.
 *
 *   a process tells what it reads → ticks say what all that may fold read → others publish such entries
 *     → the first that is folded is needed for good: whoever reads less can't be the applier any more
 */

/** A process of the region that has told of itself lately. */
export interface ToldProcess {
  readonly id: string;
  readonly software: string;
  /** The highest version of entries that it reads. */
  readonly reads: number;
  /** Whether it may be an applier. */
  readonly mayFold: boolean;
}

/** A version of entries that a partition's state is made of. */
export interface NeededVersion {
  readonly partition: number;
  readonly version: number;
  /** The software that folded it here first. */
  readonly software: string | undefined;
}

export interface EntryVersions {
  /** To be called every few seconds: who is silent for ten counts as gone. */
  tellProcess(process: ToldProcess): Promise<void>;
  /** At its end. */
  forgetProcess(id: string): Promise<void>;
  /** Those that have told of themselves within ten seconds, by id. Software of before 0.2 does not. */
  listProcesses(): Promise<readonly ToldProcess[]>;
  /**
   * What the region's next tick may say that it reads: what every process of it that may fold does, or what is needed
   * already. For some seconds from here on nobody gets the role of applier who reads less.
   * @param reads what the caller reads.
   */
  promiseReads(options: { partition: number; reads: number }): Promise<number>;
  /** Before an entry of this version is folded: from here on nobody gets the role of applier who reads less. */
  needVersion(options: { partition: number; version: number; software: string }): Promise<void>;
  /** For so long nobody gets the role of applier who reads less: an entry of this version was met, and could not be read. */
  standAside(options: { partition: number; version: number; forMs: number }): Promise<void>;
  neededVersions(): Promise<readonly NeededVersion[]>;
}

/** The process can't read what the log has, or may have at any moment; the message says what to run in its place. */
export class RoleRefusedError extends Error {
  override readonly name = "RoleRefusedError";
  /** A promise runs out within seconds; what was folded stays. */
  readonly isForGood: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isForGood: boolean }) {
    super(message, options);
    this.isForGood = options.isForGood;
  }
}
