/**
 * Clients that write, write under a condition and read in all regions, and the history of what they asked and were told.
 * Reads are linearizable, unless a test wants to see a history that is not. Versions are told as text: `20`, or `20.1` where another write of the same log entry came after it.
 */
import type {
  VersionedInput,
  VersionedOperation,
  VersionedOutput,
} from "../../linearizability/versioned-register.ts";
import { SeededRandom } from "../../simulation/random.ts";
import type { Bed } from "./bed.ts";
import { send, type Answer as HttpAnswer } from "./request.ts";

const KEYS = ["a", "b", "c"];
/** The last write of an entry comes after all others of it. */
const WRITES_OF_ENTRY_MAX = 4_096;
/** Refused before anything was sent: without effect, and without a word about the state. */
const WITHOUT_EFFECT = new Set([429, 503]);

const KINDS = ["read", "write", "conditional-write"] as const;

/** One operation of a client, through one region. */
export interface Asked {
  readonly client: string;
  readonly region: string;
  readonly key: string;
  readonly kind: (typeof KINDS)[number];
}

/** A refusal, or an answer that is no output of the model. */
type Answer = VersionedOutput | "without-effect" | "unknown";

export class Recorder {
  readonly #bed: Bed;
  readonly #random: SeededRandom;
  readonly #collection: string;
  readonly #consistency: "linearizable" | "local";
  readonly history: VersionedOperation[] = [];
  /** The version that some client saw last, as text, by key. */
  readonly #seen = new Map<string, string>();
  readonly surprises: string[] = [];
  #moment = 0;
  #values = 0;
  #isOver = false;

  constructor(bed: Bed, options: { seed: number; collection: string; reads?: "linearizable" | "local" }) {
    this.#bed = bed;
    this.#random = new SeededRandom(options.seed);
    this.#collection = options.collection;
    this.#consistency = options.reads ?? "linearizable";
  }

  /** Clients do what chance wants, until the promise is settled. */
  async run(clients: number, until: Promise<void>): Promise<void> {
    const running = Array.from({ length: clients }, (_, number) => this.#client(`client-${number}`));
    try {
      await until;
    } finally {
      this.#isOver = true;
      await Promise.all(running);
    }
  }

  async #client(client: string): Promise<void> {
    const random = this.#random;
    while (!this.#isOver) {
      const key = random.pick(KEYS);
      const region = random.pick(["eu", "us", "ap"]);
      await this.operate({ client, region, key, kind: KINDS[random.integer(0, 2)]! });
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 10)));
    }
  }

  /** How many operations have been answered with an output of the model. */
  get completed(): number {
    return this.history.filter(({ completedAt }) => completedAt !== undefined).length;
  }

  /** @returns whether the client was told what became of it. */
  async operate({ client, region, key, kind }: Asked): Promise<boolean> {
    const { url } = this.#bed.cluster.region(region);
    const record = `${url}/v1/collections/${this.#collection}/records/${key}`;
    const seen = this.#seen.get(key);
    const value = `${this.#collection}-${(this.#values += 1)}`;
    const invokedAt = (this.#moment += 1);
    const input = inputOf({ kind, value, seen });
    const answer =
      kind === "read" ? await this.#read(record, key) : await this.#write({ record, key, input, seen });
    if (answer === "without-effect") return false;
    const asked = { client, key, invokedAt, input };
    if (answer !== "unknown")
      this.history.push({ ...asked, completedAt: (this.#moment += 1), output: answer });
    else if (input.type !== "read") this.history.push(asked);
    return answer !== "unknown";
  }

  async #read(record: string, key: string): Promise<Answer> {
    const answer = await send(`${record}?consistency=${this.#consistency}`, { method: "GET" });
    if (answer === undefined || answer.status === 504) return "unknown";
    if (WITHOUT_EFFECT.has(answer.status)) return "without-effect";
    if (answer.status === 404) return { type: "read", value: null, version: null };
    if (answer.status !== 200) return this.#surprise("a read", answer);
    const { version, fields } = answer.body as { version: string; fields: { value: string } };
    this.#seen.set(key, version);
    return { type: "read", value: fields.value, version: orderOf(version) };
  }

  async #write(write: {
    record: string;
    key: string;
    input: VersionedInput;
    seen: string | undefined;
  }): Promise<Answer> {
    const { record, key, input, seen } = write;
    if (input.type === "read") throw new Error("a read is no write");
    const isConditional = input.type === "conditional-write";
    const condition = seen === undefined ? { "if-none-match": "*" } : { "if-match": `"${seen}"` };
    const answer = await send(record, {
      method: "PATCH",
      headers: isConditional ? condition : {},
      body: { set: { value: input.value } },
    });
    if (answer === undefined || answer.status === 504) return "unknown";
    if (WITHOUT_EFFECT.has(answer.status)) return "without-effect";
    if (answer.status === 412 && isConditional) return { type: "rejected" };
    if (answer.status !== 200) return this.#surprise("a write", answer);
    const { result } = answer.body as { result: { version: string } };
    this.#seen.set(key, result.version);
    return { type: "written", version: orderOf(result.version) };
  }

  #surprise(what: string, answer: HttpAnswer): "unknown" {
    this.surprises.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return "unknown";
  }
}

function inputOf(asked: { kind: Asked["kind"]; value: string; seen: string | undefined }): VersionedInput {
  const { kind, value, seen } = asked;
  if (kind === "read") return { type: "read" };
  if (kind === "write") return { type: "write", value };
  return { type: kind, version: seen === undefined ? null : orderOf(seen), value };
}

/** A number that rises with the log's order of writes. */
function orderOf(version: string): number {
  const [position, write = WRITES_OF_ENTRY_MAX - 1] = version.split(".").map(Number);
  return position! * WRITES_OF_ENTRY_MAX + write;
}
