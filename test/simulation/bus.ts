/**
 * The simulated twin of the bus: requests and answers that travel between regions, each leg on its own. Either may be
 * lost, or come so late that nobody waits any more; a region that is cut off gets and sends nothing.
 */
import {
  ANNOUNCEMENT_BYTES_MAX,
  type AnnouncementHandler,
  type Announcements,
} from "../../services/ports/announcements.ts";
import {
  BusOutcomeUnknownError,
  BusUnavailableError,
  HANDLED_MAX,
  PAYLOAD_BYTES_MAX,
  type Bus,
  type BusHandler,
  type BusRequest,
} from "../../services/ports/bus.ts";
import type { SeededRandom } from "./random.ts";
import type { Process, World } from "./world.ts";

export interface BusFaults {
  /** Probability that a request is lost on the way. */
  lostRequests: number;
  /** Probability that one of those who listen does not hear an announcement. Default: 0. */
  lostAnnouncements?: number;
  /** Probability that a request is handled and its answer lost. */
  lostAnswers: number;
  /** Spread of each way: messages overtake each other within it. */
  jitterMs: number;
}

export const NO_BUS_FAULTS: BusFaults = { lostRequests: 0, lostAnswers: 0, jitterMs: 0 };

const LATE_MS_MAX = 8_000;
const CONNECT_MS_MAX = 10;

interface Link {
  readonly from: string;
  readonly to: string;
}

type Outcome =
  { readonly status: "ok"; readonly data: Uint8Array } | { readonly status: "refused" | "failed" };

/** What carries messages between the regions: survives every process. */
export class SimulatedBusNetwork {
  readonly world: World;
  readonly faults: BusFaults;
  readonly random: SeededRandom;
  /** Regions that no other can reach; may be the log's own set, so that one cut is a cut of both. */
  readonly cutOff: Set<string>;
  readonly #services = new Set<SimulatedService>();
  readonly #listeners = new Set<SimulatedListener>();

  /** @param options.random the world's by default; one of its own leaves to others what they would draw without a bus. */
  constructor(
    world: World,
    options: { cutOff?: Set<string>; faults?: BusFaults; random?: SeededRandom } = {},
  ) {
    this.world = world;
    this.random = options.random ?? world.random;
    this.cutOff = options.cutOff ?? new Set();
    this.faults = options.faults ?? NO_BUS_FAULTS;
  }

  isCut({ from, to }: Link): boolean {
    return from !== to && (this.cutOff.has(from) || this.cutOff.has(to));
  }

  /** One leg: what is lost never calls back. */
  send(link: Link, lost: number, arrive: () => void): void {
    const { random } = this;
    if (random.chance(lost)) return;
    const delayMs = 1 + random.fraction() * this.faults.jitterMs;
    const arriveUnlessCut = () => {
      if (!this.isCut(link)) arrive();
    };
    if (!this.isCut(link)) this.world.after(delayMs, arriveUnlessCut);
    // A broken connection holds what was given to it, and may heal.
    else if (random.chance(0.3)) this.world.after(random.fraction() * LATE_MS_MAX, arriveUnlessCut);
  }

  /** Each of those who listen hears it on its own, or does not. */
  announce(from: string, topic: string, data: Uint8Array): void {
    for (const listener of this.#listeners) {
      if (listener.topic !== topic) continue;
      const hear = () => listener.isReachable && listener.handler(from, data.slice());
      this.send({ from, to: listener.region }, this.faults.lostAnnouncements ?? 0, () => void hear());
    }
  }

  addListener(listener: SimulatedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  register(service: SimulatedService): void {
    this.#services.add(service);
  }

  /** The processes of a region that serve it at the moment. */
  serving({ region, service }: Pick<BusRequest, "region" | "service">): SimulatedService[] {
    return [...this.#services].filter(
      (candidate) => candidate.isReachable && candidate.region === region && candidate.name === service,
    );
  }

  /** A request has arrived in its region: one process handles it, if there still is one. */
  async deliver(request: BusRequest, answer: (outcome: Outcome) => void): Promise<void> {
    const serving = this.serving(request);
    if (serving.length === 0) return;
    const service = this.random.pick(serving);
    const outcome = await service.handle(request.data);
    if (service.isAlive) answer(outcome);
  }
}

/** Who hears announcements of a topic. */
interface SimulatedListener {
  readonly topic: string;
  readonly region: string;
  readonly isReachable: boolean;
  readonly handler: AnnouncementHandler;
}

/** A service, as one process serves it. */
class SimulatedService {
  readonly name: string;
  readonly region: string;
  readonly #bus: SimulatedBus;
  readonly #process: Process;
  readonly #handler: BusHandler;
  #handling = 0;
  isEnded = false;

  constructor(options: {
    name: string;
    region: string;
    bus: SimulatedBus;
    process: Process;
    handler: BusHandler;
  }) {
    this.name = options.name;
    this.region = options.region;
    this.#bus = options.bus;
    this.#process = options.process;
    this.#handler = options.handler;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  get isReachable(): boolean {
    return this.isAlive && this.#bus.isConnected && !this.isEnded;
  }

  async handle(data: Uint8Array): Promise<Outcome> {
    if (this.#handling >= HANDLED_MAX) return { status: "refused" };
    this.#handling += 1;
    try {
      const answer = await this.#handler(data.slice());
      if (answer.byteLength > PAYLOAD_BYTES_MAX) return { status: "failed" };
      return { status: "ok", data: answer.slice() };
    } catch {
      return { status: "failed" };
    } finally {
      this.#handling -= 1;
    }
  }
}

/** The port, as one region's process holds it. */
export class SimulatedBus implements Bus, Announcements {
  readonly #network: SimulatedBusNetwork;
  readonly #process: Process;
  readonly #region: string;
  isConnected = false;

  constructor(options: { network: SimulatedBusNetwork; process: Process; region: string }) {
    this.#network = options.network;
    this.#process = options.process;
    this.#region = options.region;
  }

  /** Takes a moment; until then nobody is asked, and nobody answered. */
  async connect(): Promise<void> {
    await this.#process.pass(this.#network.random.fraction() * CONNECT_MS_MAX);
    this.isConnected = true;
  }

  async request(request: BusRequest): Promise<Uint8Array> {
    await this.#process.pass(0);
    if (!this.isConnected) throw new BusUnavailableError("the bus is not connected yet");
    if (request.data.byteLength > PAYLOAD_BYTES_MAX)
      throw new BusUnavailableError("the request is too large");
    if (this.#network.serving(request).length === 0) throw new BusUnavailableError("nobody serves it");
    // A server that has noticed the cut says so at once; one that has not sends into it.
    if (this.#network.isCut({ from: this.#region, to: request.region }) && this.#network.random.chance(0.5)) {
      throw new BusUnavailableError("the region is cut off");
    }
    return await this.#exchange({ ...request, data: request.data.slice() });
  }

  serve(service: string, handler: BusHandler): () => void {
    const served = new SimulatedService({
      name: service,
      region: this.#region,
      bus: this,
      process: this.#process,
      handler,
    });
    this.#network.register(served);
    return () => {
      served.isEnded = true;
    };
  }

  announce(topic: string, data: Uint8Array): boolean {
    if (!this.isConnected || data.byteLength > ANNOUNCEMENT_BYTES_MAX) return false;
    this.#network.announce(this.#region, topic, data.slice());
    return true;
  }

  listen(topic: string, handler: AnnouncementHandler): () => void {
    let isEnded = false;
    const isReachable = () => !isEnded && this.isConnected && this.#process.isAlive;
    const forget = this.#network.addListener({
      topic,
      region: this.#region,
      get isReachable() {
        return isReachable();
      },
      handler: (region, data) => {
        try {
          handler(region, data);
        } catch {
          // It hears the next one.
        }
      },
    });
    return () => {
      isEnded = true;
      forget();
    };
  }

  #exchange(request: BusRequest): Promise<Uint8Array> {
    const { world, faults } = this.#network;
    const [here, there] = [this.#region, request.region];
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome | undefined) => {
        callOff();
        if (!this.#process.isAlive) return;
        if (outcome?.status === "ok") resolve(outcome.data);
        else reject(toError(outcome));
      };
      const callOff = world.after(request.timeoutMs, () => settle(undefined));
      const answer = (outcome: Outcome) =>
        this.#network.send({ from: there, to: here }, faults.lostAnswers, () => settle(outcome));
      this.#network.send(
        { from: here, to: there },
        faults.lostRequests,
        () => void this.#network.deliver(request, answer),
      );
    });
  }
}

/** @param outcome undefined when no answer has come in time. */
function toError(outcome: { readonly status: "refused" | "failed" } | undefined): Error {
  if (outcome === undefined) return new BusOutcomeUnknownError("no answer in time");
  if (outcome.status === "refused") return new BusUnavailableError("it has no room");
  return new BusOutcomeUnknownError("its handling failed");
}
