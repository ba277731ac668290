/** `forebay escrow`: who may take how much of a record, and the way back for what a lost region held. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { RecordEscrowsAnswer, RecordListAnswer, WriteAnswer } from "../../protocol/http/answers.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { callApi, collectionPath, ProblemAnsweredError, recordPath } from "../http.ts";
import { formatTable } from "../table.ts";

const PAGE_RECORDS = 500;
/** Of one record, while its outcome is unknown. */
const TRIES_MAX = 3;
const RETRY_DELAY_MS = 1_000;
/** Of a record that a listing has found: there is nothing to hand over, or not any more. */
const NOTHING_THERE: readonly string[] = ["record-missing", "deleted"];

const RECLAIM_HELP = `
Hands what the lost region may take over to the region that is asked, record by record. The log decides, and refuses
while the lost region has spoken within the last 10 s: the rights of a region that lives move by themselves.

Reclaim when the region will not be back in time. What it has taken meanwhile, while nobody heard of it, comes after the
reclaim when it returns: it finds no rights and is SUPERSEDED, though its clients were told that it was accepted. The
number never goes below its bound; what was sold twice, somebody has to tell a customer. "forebay conflicts --reason
insufficient" lists it then.

A second run does no harm: it passes over records whose rights were handed over already.`;

interface ReclaimOptions extends CommonOptions {
  readonly from: string;
  readonly all?: boolean;
}

export function addEscrowCommand(program: Command): void {
  const escrow = program.command("escrow").description("who may take how much of an escrow");
  addShow(escrow);
  addReclaim(escrow);
}

function addShow(escrow: Command): void {
  withCommonOptions(escrow.command("show <collection> <key>"))
    .description("print a record's escrows: what is left, and the rights of each region")
    .option("--json", "print the region's answer")
    .action(async (collection: string, key: string, options: CommonOptions & { json?: boolean }) => {
      const path = `${recordPath(collection, key)}/escrows`;
      const { body } = await callApi(findRegion(options), { path });
      const { session: _session, ...answer } = body as RecordEscrowsAnswer;
      const text = options.json === true ? JSON.stringify(answer, null, 2) : formatEscrows(answer);
      process.stdout.write(`${text}\n`);
    });
}

function addReclaim(escrow: Command): void {
  withCommonOptions(escrow.command("reclaim <collection> [keys...]"))
    .description(
      "hand a lost region's rights over to the region that is asked; what it has taken is superseded",
    )
    .requiredOption("--from <region>", "the region that is lost")
    .option("--all", "of every record of the collection, instead of keys")
    .addHelpText("after", RECLAIM_HELP)
    .action(async (collection: string, keys: readonly string[], options: ReclaimOptions) => {
      if (keys.length > 0 === (options.all === true)) {
        throw new UsageError("give the keys of records, or --all of the collection's");
      }
      const run = new ReclaimRun({ region: findRegion(options), collection, from: options.from });
      await (options.all === true ? run.ofAll() : run.of(keys));
      process.stdout.write(`${run.summary()}\n`);
    });
}

export function formatEscrows({ escrows }: Pick<RecordEscrowsAnswer, "escrows">): string {
  const regions = [...new Set(Object.values(escrows).flatMap(({ rights }) => Object.keys(rights)))].sort();
  return formatTable(
    ["field", "value", "min", "left here", "left in all", ...regions],
    Object.entries(escrows).map(([field, { value, min, rights, left }]) => [
      field,
      ...[value, min, left.here, left.total, ...regions.map((region) => rights[region] ?? 0)].map(String),
    ]),
  );
}

/** One run of the command, which knows how far it came. */
class ReclaimRun {
  readonly #target: { readonly region: ClusterRegion; readonly collection: string; readonly from: string };
  /** By field. */
  readonly #amounts = new Map<string, number>();
  #looked = 0;
  #reclaimed = 0;

  constructor(target: { region: ClusterRegion; collection: string; from: string }) {
    this.#target = target;
  }

  async of(keys: readonly string[]): Promise<void> {
    const { collection, from } = this.#target;
    for (const key of keys) {
      const answer = await this.#orSayHowFar(key, () => this.#reclaimIfAny(key));
      const amounts = formatAmounts(Object.entries(answer?.result?.fields ?? {}));
      const told =
        answer === undefined ? `nothing from ${from}` : `${amounts} from ${from} to ${answer.region}`;
      process.stdout.write(`${collection}/${key}: ${told}\n`);
    }
  }

  async ofAll(): Promise<void> {
    const { region, collection } = this.#target;
    let cursor: string | undefined;
    do {
      // Linearizable: a record that this region has not folded yet is not to be missed.
      const query = new URLSearchParams({ limit: String(PAGE_RECORDS), consistency: "linearizable" });
      if (cursor !== undefined) query.set("cursor", cursor);
      const path = `${collectionPath(collection)}/records?${query.toString()}`;
      const { body } = await this.#orSayHowFar(undefined, () => callApi(region, { path }));
      const page = body as RecordListAnswer;
      for (const { key } of page.records) await this.#orSayHowFar(key, () => this.#reclaimListed(key));
      cursor = page.next_cursor;
      process.stderr.write(`forebay: ${this.#looked} records looked at, rights of ${this.#reclaimed}\n`);
    } while (cursor !== undefined);
  }

  summary(): string {
    const { collection, from } = this.#target;
    const records = `${this.#reclaimed} of ${this.#looked} records of ${collection}`;
    if (this.#reclaimed === 0) return `nothing was handed over from ${from}: ${records}`;
    return `handed over from ${from}: ${formatAmounts([...this.#amounts])}, of ${records}`;
  }

  async #reclaimListed(key: string): Promise<void> {
    try {
      await this.#reclaimIfAny(key);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      process.stderr.write(`forebay: left out: ${error.message}\n`);
      this.#looked += 1;
    }
  }

  /** Undefined where there is nothing to hand over, as in a run from the beginning. */
  async #reclaimIfAny(key: string): Promise<WriteAnswer | undefined> {
    try {
      return await this.#reclaim(key);
    } catch (error) {
      if (!(error instanceof ProblemAnsweredError) || !NOTHING_THERE.includes(error.code)) throw error;
      this.#looked += 1;
      return undefined;
    }
  }

  async #reclaim(key: string): Promise<WriteAnswer> {
    const answer = await this.#send(key);
    const amounts = Object.entries(answer.result?.fields ?? {}).filter(([, amount]) => Number(amount) > 0);
    this.#looked += 1;
    if (amounts.length > 0) this.#reclaimed += 1;
    for (const [field, amount] of amounts) {
      this.#amounts.set(field, (this.#amounts.get(field) ?? 0) + Number(amount));
    }
    return answer;
  }

  /** Where the outcome is unknown, the same key brings it to light. */
  async #send(key: string): Promise<WriteAnswer> {
    const { region, collection, from } = this.#target;
    const request = {
      method: "POST",
      path: `${recordPath(collection, key)}/reclaim`,
      headers: { "idempotency-key": `escrow-reclaim-${randomUUID()}` },
      body: { region: from },
    };
    for (let tries = 1; ; tries += 1) {
      try {
        return (await callApi(region, request)).body as WriteAnswer;
      } catch (error) {
        const isUnknown = error instanceof ProblemAnsweredError && error.problem.retry === "ask";
        if (!isUnknown || tries === TRIES_MAX) throw error;
        await sleep(RETRY_DELAY_MS);
      }
    }
  }

  async #orSayHowFar<T>(key: string | undefined, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const place = key === undefined ? this.#target.collection : `${this.#target.collection}/${key}`;
      const advice = "what was handed over stays so, and a run from the beginning does no harm";
      throw new CommandError(`stopped at ${place}: ${error.message}\nforebay: ${this.summary()}; ${advice}`, {
        cause: error,
      });
    }
  }
}

function formatAmounts(amounts: readonly (readonly [string, unknown])[]): string {
  return amounts.map(([field, amount]) => `${field} ${String(amount)}`).join(", ");
}
