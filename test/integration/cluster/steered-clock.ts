/** A region process whose clock a test sets while it runs, as a time service that fails would. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const LOOK_EVERY_MS = 50;

export interface SteeredClock {
  /** For the process: it has its clock from the test. */
  readonly environment: Readonly<Record<string, string>>;
  /** From a moment on its clock is ahead by so much; negative: behind. */
  set(aheadMs: number): void;
}

/** @param folder for what the process reads. */
export function steeredClock(folder: string): SteeredClock {
  const [script, offset] = [join(folder, "steered-clock.mjs"), join(folder, "steered-clock-ms")];
  const set = (aheadMs: number) => {
    writeFileSync(`${offset}.new`, String(aheadMs));
    renameSync(`${offset}.new`, offset);
  };
  set(0);
  writeFileSync(
    script,
    `import { readFileSync } from "node:fs";
     const now = Date.now;
     let aheadMs = 0;
     Date.now = () => now() + aheadMs;
     setInterval(() => (aheadMs = Number(readFileSync(${JSON.stringify(offset)}, "utf8"))), ${LOOK_EVERY_MS}).unref();`,
  );
  return { environment: { NODE_OPTIONS: `--import=${pathToFileURL(script).href}` }, set };
}
