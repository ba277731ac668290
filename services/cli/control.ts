/** The way to what breaks a local cluster on purpose, and why there is none to any other. */
import { ControlClient, ControlError } from "../../infra/local/control/client.ts";
import { readClusterFile } from "./cluster.ts";
import { CommandError, UsageError } from "./errors.ts";

export interface ControlOptions {
  readonly data: string;
  readonly url?: string;
}

/**
 * @throws {UsageError} for an address of a region: whatever is there, it is not known to be a local cluster.
 * @throws {CommandError} when the data folder's cluster can't be broken.
 */
export function findControl({ data, url }: ControlOptions): ControlClient {
  if (url !== undefined) {
    throw new UsageError(
      "chaos is for a cluster on this machine that is there to be broken; it takes --data, not --url",
    );
  }
  const { control } = readClusterFile(data);
  if (control === undefined) {
    throw new CommandError(
      `the cluster of ${data} has no control channel, so it is not one that "forebay up" of this version runs here; only such a cluster may be broken`,
    );
  }
  try {
    return new ControlClient(control);
  } catch (error) {
    throw asCommandError(error);
  }
}

/** Errors of the channel are told as they are; all others are bugs. */
export function asCommandError(error: unknown): unknown {
  return error instanceof ControlError ? new CommandError(error.message, { cause: error }) : error;
}
