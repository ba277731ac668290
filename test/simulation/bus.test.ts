/** The simulated bus in trouble: whatever is lost, cut off or killed, an outcome says nothing that is not so. */
import { describe, expect, it } from "vitest";
import { BusOutcomeUnknownError, BusUnavailableError } from "../../services/ports/bus.ts";
import { SimulatedBus, SimulatedBusNetwork, type BusFaults } from "./bus.ts";
import { Process, SimulatedClock, World } from "./world.ts";

const SERVICE = "echo";
const TIMEOUT_MS = 1_000;
const NO_LOSSES: BusFaults = { lostRequests: 0, lostAnswers: 0, jitterMs: 100 };

type Outcome = "answered" | "unavailable" | "unknown";

/** Two regions: one asks, the other serves. */
class Bed {
  readonly world: World;
  readonly network: SimulatedBusNetwork;
  readonly asking: Process;
  readonly serving: Process;
  readonly asker: SimulatedBus;
  readonly server: SimulatedBus;
  /** How often each request was handled, by its text. */
  readonly handled = new Map<string, number>();
  readonly outcomes = new Map<string, Outcome>();
  #asked = 0;

  constructor(seed: number, faults: BusFaults = NO_LOSSES) {
    this.world = new World(seed);
    this.network = new SimulatedBusNetwork(this.world, { faults });
    [this.asking, this.serving] = [new Process(this.world, "eu"), new Process(this.world, "us")];
    this.asker = new SimulatedBus({ network: this.network, process: this.asking, region: "eu" });
    this.server = new SimulatedBus({ network: this.network, process: this.serving, region: "us" });
    const clock = new SimulatedClock(this.serving);
    this.server.serve(SERVICE, async (data) => {
      const text = Buffer.from(data).toString();
      this.handled.set(text, (this.handled.get(text) ?? 0) + 1);
      await clock.sleep(this.world.random.integer(0, 100));
      return data;
    });
  }

  async connect(): Promise<void> {
    void this.asker.connect();
    void this.server.connect();
    await this.world.run(this.world.nowMs + 20);
  }

  /** Asks; the outcome is filed when it comes. */
  ask(): string {
    const text = `${(this.#asked += 1)}`;
    const request = { region: "us", service: SERVICE, data: Buffer.from(text), timeoutMs: TIMEOUT_MS };
    void this.asker.request(request).then(
      (answer) => this.outcomes.set(text, Buffer.from(answer).toString() === text ? "answered" : "unknown"),
      (error: unknown) => this.outcomes.set(text, outcomeOf(error)),
    );
    return text;
  }

  /** Long enough for any answer, and for anything late. */
  async settle(): Promise<void> {
    await this.world.run(this.world.nowMs + 20_000);
  }

  count(outcome: Outcome): number {
    return [...this.outcomes.values()].filter((value) => value === outcome).length;
  }

  /** Says where outcomes don't agree with what was handled; empty when they do. */
  contradictions(): string[] {
    return [...this.outcomes].flatMap(([text, outcome]) => {
      const times = this.handled.get(text) ?? 0;
      if (times > 1 || (outcome === "answered" && times !== 1) || (outcome === "unavailable" && times !== 0))
        return [`${text}: ${outcome}, handled ${times} times`];
      return [];
    });
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof BusUnavailableError) return "unavailable";
  if (error instanceof BusOutcomeUnknownError) return "unknown";
  throw error;
}

async function openBed(seed: number, faults?: BusFaults): Promise<Bed> {
  const bed = new Bed(seed, faults);
  await bed.connect();
  return bed;
}

describe("the simulated bus", () => {
  it.each(["eu", "us"])("carries nothing while %s is cut off, and carries on afterwards", async (region) => {
    const bed = await openBed(1);
    bed.network.cutOff.add(region);
    for (let count = 0; count < 100; count += 1) bed.ask();
    await bed.settle();
    expect(bed.handled.size).toBe(0);
    expect(bed.count("unavailable") + bed.count("unknown")).toBe(100);
    expect(bed.count("unavailable")).toBeGreaterThan(0);
    expect(bed.count("unknown")).toBeGreaterThan(0);
    bed.network.cutOff.clear();
    const text = bed.ask();
    await bed.settle();
    expect(bed.outcomes.get(text)).toBe("answered");
  });

  it("may hand over what was sent into a cut once it has healed, although nobody waits any more", async () => {
    const bed = await openBed(2);
    bed.network.cutOff.add("us");
    for (let count = 0; count < 100; count += 1) bed.ask();
    await bed.world.run(bed.world.nowMs + TIMEOUT_MS + 1);
    expect(bed.outcomes.size).toBe(100);
    expect(bed.handled.size).toBe(0);
    bed.network.cutOff.clear();
    await bed.settle();
    expect(bed.handled.size).toBeGreaterThan(0);
    expect(bed.contradictions()).toEqual([]);
  });

  it("leaves the outcome unknown when the cut comes between request and answer", async () => {
    const bed = await openBed(3, { ...NO_LOSSES, jitterMs: 0 });
    const text = bed.ask();
    await bed.world.runUntil(() => bed.handled.size > 0, { limitMs: 1_000, what: "a handled request" });
    bed.network.cutOff.add("us");
    await bed.settle();
    expect(bed.outcomes.get(text)).toBe("unknown");
  });

  it("leaves a region in reach of itself while it is cut off", async () => {
    const bed = await openBed(4);
    bed.network.cutOff.add("us");
    const own = new SimulatedBus({ network: bed.network, process: bed.serving, region: "us" });
    const request = { region: "us", service: SERVICE, data: Buffer.from("own"), timeoutMs: TIMEOUT_MS };
    let answer: Uint8Array | undefined;
    void own
      .connect()
      .then(() => own.request(request))
      .then((data) => (answer = data));
    await bed.settle();
    expect(Buffer.from(answer!).toString()).toBe("own");
  });

  it("gives no answer of a process that has died, and none to one", async () => {
    const bed = await openBed(5);
    for (let count = 0; count < 20; count += 1) bed.ask();
    await bed.world.runUntil(() => bed.handled.size > 5, { limitMs: 1_000, what: "handled requests" });
    bed.serving.kill();
    const late = bed.ask();
    await bed.settle();
    expect(bed.outcomes.get(late)).toBe("unavailable");
    expect(bed.count("unknown")).toBeGreaterThan(0);
    expect(bed.contradictions()).toEqual([]);
    const outcomes = bed.outcomes.size;
    bed.asking.kill();
    bed.ask();
    await bed.settle();
    expect(bed.outcomes.size).toBe(outcomes);
  });

  it("says nothing under any faults that is not so, and the same for the same seed", async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const [first, second] = [await troubled(seed), await troubled(seed)];
      expect(first.contradictions()).toEqual([]);
      expect(first.outcomes.size).toBe(200);
      for (const outcome of ["answered", "unavailable", "unknown"] as const)
        expect(first.count(outcome)).toBeGreaterThan(0);
      expect([...first.outcomes]).toEqual([...second.outcomes]);
    }
  });
});

/** Requests all along, losses on the way, and cuts now and then. */
async function troubled(seed: number): Promise<Bed> {
  const bed = await openBed(seed, { lostRequests: 0.1, lostAnswers: 0.1, jitterMs: 200 });
  const { random } = bed.world;
  for (let count = 0; count < 200; count += 1) {
    bed.ask();
    if (random.chance(0.05)) bed.network.cutOff.add(random.pick(["eu", "us"]));
    else if (random.chance(0.2)) bed.network.cutOff.clear();
    await bed.world.run(bed.world.nowMs + random.integer(0, 50));
  }
  bed.network.cutOff.clear();
  await bed.settle();
  return bed;
}
