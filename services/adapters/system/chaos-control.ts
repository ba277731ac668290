/** The control channel of a cluster on one machine, over loopback. Its key stays in this process. */
import { ChaosUnavailableError, type Chaos, type ChaosAnswer } from "../../ports/chaos.ts";
import type { ChaosConfig } from "../../runtime/config.ts";
import { describeError } from "../../runtime/describe-error.ts";

const FAULTS_PATH = "/faults";
/** A restart waits until a region is ready; a browser waits less. */
const TIMEOUT_MS = 60_000;

export class ChaosControl implements Chaos {
  readonly #config: ChaosConfig;

  constructor(config: ChaosConfig) {
    this.#config = config;
  }

  faults(): Promise<ChaosAnswer> {
    return this.#ask({});
  }

  perform(action: string): Promise<ChaosAnswer> {
    return this.#ask({ method: "POST", body: action });
  }

  async #ask(request: { readonly method?: "POST"; readonly body?: string }): Promise<ChaosAnswer> {
    const { url, key } = this.#config;
    try {
      const response = await fetch(`${url}${FAULTS_PATH}`, {
        ...request,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      throw new ChaosUnavailableError(
        `the control channel does not answer: ${describeError(cause ?? error)}`,
        {
          cause: error,
        },
      );
    }
  }
}
