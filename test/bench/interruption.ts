/** Ctrl-C ends a benchmark in good order: what waits is rejected, and whoever started processes stops them. */

export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

const controller = new AbortController();

/** Aborts when the user interrupts. */
export const interruption: AbortSignal = controller.signal;

/** From here on Ctrl-C does not end this process at once; a second one does. */
export function listenForInterrupts(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => controller.abort(new InterruptedError(`interrupted by ${signal}`)));
  }
}

/** The work's result. @throws {InterruptedError} as soon as the user interrupts; the work is left to itself then. */
export async function unlessInterrupted<T>(work: Promise<T>): Promise<T> {
  let forget = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    const listener = (): void => reject(interruption.reason as Error);
    interruption.addEventListener("abort", listener, { once: true });
    forget = () => interruption.removeEventListener("abort", listener);
    if (interruption.aborted) listener();
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    forget();
    // Whatever becomes of abandoned work, it is no news.
    work.catch(() => undefined);
  }
}
