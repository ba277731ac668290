/**
 * Whatever a client is told stays true: with elections, cuts, and publishes that are lost, late, doubled or not
 * acknowledged, over several seeds. Each operation counts a record of its own up by one, so that every effect shows.
 */
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { WriteResult } from "../../../services/gateway/gateway.ts";
import { read, TENANT, type Bed, type RegionBed } from "./bed.ts";
import { credit, orderedBed } from "./ordered.ts";

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);
const OPERATIONS = 36;
const STORY_MS = 20_000;
/** Of requests: some are beyond the time that a publish may take. */
const DEADLINE_MS_MAX = 8_000;

type Answer = WriteResult | GatewayError;

interface Told {
  readonly key: string;
  /** One for each try. */
  readonly answers: Answer[];
  /** What regions have told of it later, in the order of time. */
  readonly reports: string[];
}

const isCommitted = (answer: Answer): answer is WriteResult => !(answer instanceof GatewayError);
const CERTAINLY_NOTHING: readonly string[] = ["no-quorum", "expired", "session-behind", "overloaded"];

function codesOf({ answers }: Told): string[] {
  return answers.map((answer) => (isCommitted(answer) ? "committed" : answer.code));
}

/** Until when the operation is open, by all that its client knows; undefined when it knows how it ended. */
function openUntil({ answers }: Told): number | undefined {
  if (answers.some(isCommitted)) return undefined;
  const errors = answers.filter((answer) => answer instanceof GatewayError);
  const known = errors.map(({ details }) => details.expiresAtMs).filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

class Story {
  readonly bed: Bed;
  readonly told: Told[] = [];
  #isOver = false;

  constructor(bed: Bed) {
    this.bed = bed;
  }

  async tell(): Promise<void> {
    const { bed } = this;
    Object.assign(bed.faults, { lostAcknowledgements: 0.15, lostPublishes: 0.15, duplicates: 0.15 });
    bed.faults.jitterMs = 200;
    const clients = Array.from({ length: OPERATIONS }, (_, number) => this.#client(number));
    const trouble = this.#trouble();
    await bed.run(Promise.all([...clients, trouble]));
    Object.assign(bed.faults, { lostAcknowledgements: 0, lostPublishes: 0, duplicates: 0, jitterMs: 0 });
    // Late publishes have landed by then, and log time has passed every deadline.
    await bed.pass(DEADLINE_MS_MAX + 10_000);
    await bed.converge();
    this.#isOver = true;
  }

  #sleep(milliseconds: number): Promise<void> {
    return this.bed.first.options.clock.sleep(milliseconds);
  }

  async #trouble(): Promise<void> {
    const { servers, names, world } = this.bed;
    const { random } = world;
    const endMs = world.nowMs + STORY_MS;
    while (world.nowMs < endMs) {
      await this.#sleep(random.integer(200, 2_500));
      const region = random.pick(names);
      if (random.chance(0.5)) {
        servers.leader = undefined;
        await this.#sleep(random.integer(300, 6_000));
        servers.leader = region;
      } else {
        servers.cutOff.add(region);
        await this.#sleep(random.integer(300, 4_000));
        servers.cutOff.delete(region);
      }
    }
  }

  /** Sends an operation, at times again to another region, and asks for it until it is decided. */
  async #client(number: number): Promise<void> {
    const { random } = this.bed.world;
    const told: Told = { key: `k${number}`, answers: [], reports: [] };
    this.told.push(told);
    await this.#sleep(random.integer(0, STORY_MS));
    const tries = random.chance(0.4) ? random.integer(2, 3) : 1;
    for (let attempt = 0; attempt < tries && !told.answers.some(isCommitted); attempt += 1) {
      told.answers.push(await this.#send(told.key));
      if (attempt + 1 < tries) await this.#sleep(random.integer(0, 1_500));
    }
    void this.#follow(told);
  }

  async #send(key: string): Promise<Answer> {
    const { random } = this.bed.world;
    const { gateway } = random.pick(this.bed.regions);
    const deadlineMs = random.integer(300, random.pick([2_000, DEADLINE_MS_MAX]));
    try {
      return await gateway.write(credit(1, { key, idempotencyKey: key, deadlineMs }));
    } catch (error) {
      if (error instanceof GatewayError) return error;
      throw error;
    }
  }

  async #follow(told: Told): Promise<void> {
    const expiresAtMs = openUntil(told);
    const id = told.answers.map(operationOf).find((operation) => operation !== undefined);
    if (expiresAtMs === undefined || id === undefined) return;
    while (!this.#isOver) {
      await this.#sleep(700);
      for (const { gateway } of this.bed.regions) {
        const report = await gateway.operation({ tenant: TENANT, id, expiresAtMs });
        told.reports.push(report.status);
      }
    }
  }
}

function operationOf(answer: Answer): string | undefined {
  return isCommitted(answer) ? answer.operation : answer.details.operation;
}

async function effectsIn(bed: Bed, region: RegionBed, key: string): Promise<number> {
  const reading = region.gateway.read(read({ key })).catch((error: GatewayError) => error);
  const seen = await bed.run(reading);
  return seen instanceof GatewayError ? 0 : (seen.fields["credit"] as number);
}

/** The operation has taken effect as often in every region: once or never. */
async function effectsOf(bed: Bed, told: Told): Promise<number> {
  const counts: number[] = [];
  for (const region of bed.regions) counts.push(await effectsIn(bed, region, told.key));
  expect(new Set(counts).size, `${told.key} in ${JSON.stringify(counts)}`).toBe(1);
  return counts[0]!;
}

function checkReports({ key, reports }: Told, effects: number): void {
  const verdicts = new Set(reports.filter((status) => status !== "undecided"));
  expect(verdicts, key).toEqual(new Set([effects === 1 ? "committed" : "expired"]));
  // The regions learn it one after the other; then all of them tell it.
  expect(reports.slice(-3), key).not.toContain("undecided");
}

function checkAnswers(told: Told, effects: number): void {
  const codes = codesOf(told);
  if (codes.includes("committed")) expect(effects, told.key).toBe(1);
  if (codes.every((code) => CERTAINLY_NOTHING.includes(code))) expect(effects, told.key).toBe(0);
  const places = told.answers.filter(isCommitted).map(({ position }) => position!.sequence);
  expect(new Set(places).size, told.key).toBeLessThanOrEqual(1);
}

const seen = new Map<string, number>();
const count = (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1);

describe("what a client is told of an authoritative write", () => {
  it.each(SEEDS)("stays true, whatever happens to the log (seed %i)", async (seed) => {
    const bed = await orderedBed({ regions: ["eu", "us", "ap"], seed });
    const story = new Story(bed);
    await story.tell();
    for (const told of story.told) {
      const effects = await effectsOf(bed, told);
      expect(effects, told.key).toBeLessThanOrEqual(1);
      checkAnswers(told, effects);
      if (openUntil(told) !== undefined) checkReports(told, effects);
      for (const code of codesOf(told)) count(code);
      if (codesOf(told).includes("outcome-unknown"))
        count(`unknown, ${effects === 1 ? "took" : "no"} effect`);
    }
  });

  it("was of every kind, so that the seeds have shown something", () => {
    for (const kind of [
      "committed",
      "no-quorum",
      "outcome-unknown",
      "unknown, took effect",
      "unknown, no effect",
    ])
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(5);
  });
});
