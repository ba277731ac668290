/** What can go wrong with a cluster on one machine, each with a message that a user can act on. */

/** A server binary can be found nowhere; the message lists what was tried and what the user can do. */
export class ProvisionError extends Error {
  override readonly name = "ProvisionError";
}

/** Another live process runs a cluster on the same data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = "DataFolderInUseError";
  readonly pid: number;

  constructor(folder: string, pid: number) {
    super(
      `${folder} is in use: process ${pid} is running a cluster on it; stop that one first or give another --data`,
    );
    this.pid = pid;
  }
}

/** The data folder holds something that forebay did not make, or data of another topology. */
export class DataFolderMismatchError extends Error {
  override readonly name = "DataFolderMismatchError";
}

/** A server or a region process did not come up, or not in time. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** A fault can't be made or mended as things are: nothing is changed by it. */
export class FaultError extends Error {
  override readonly name = "FaultError";
}

/** A wait came to its deadline. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(messageOf).join("; ");
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
