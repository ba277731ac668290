/** Prometheus' own checker, fetched where the machine has none. */
import { spawn } from "node:child_process";
import { provisionPrometheus } from "../../infra/local/provision/prometheus.ts";

/** Trying all the rules takes some twenty seconds of a processor, and more of one that is shared. */
const TIMEOUT_MS = 240_000;

export interface PromtoolResult {
  readonly isGood: boolean;
  /** All that it has said. */
  readonly text: string;
}

/** Runs promtool to its end. @throws {ProvisionError} where it can't be had. */
export async function promtool(arguments_: readonly string[], input = ""): Promise<PromtoolResult> {
  const { path } = await provisionPrometheus("promtool");
  const child = spawn(path, [...arguments_], { stdio: ["pipe", "pipe", "pipe"], timeout: TIMEOUT_MS });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  }
  child.stdin.on("error", () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ isGood: code === 0, text }));
  });
}
