/** The signals that ask a process to stop, among them that of a terminal that is closed. */

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Calls back instead of ending the process. @returns takes it back. */
export function onStopSignal(listener: (signal: NodeJS.Signals) => void): () => void {
  const outputs = [process.stdout, process.stderr];
  // A reader of our output that goes away must not keep us from what is done before the end.
  const onOutputError = (): void => undefined;
  outputs.forEach((output) => output.on("error", onOutputError));
  STOP_SIGNALS.forEach((name) => process.on(name, listener));
  return () => {
    STOP_SIGNALS.forEach((name) => process.off(name, listener));
    outputs.forEach((output) => output.off("error", onOutputError));
  };
}
