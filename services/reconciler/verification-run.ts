/**
 * One verification: barrier into the log → every region's checkpoint, or why there is none → comparison → verdict → what the
 * log says of records without a majority.
 *
 * A region that fails on the way is left out, and the others are compared anew: a verdict is about regions that were
 * compared to the end.
 */
import { recordIdText } from "../core/operation.ts";
import { judge, type RegionProblem } from "../core/verify/verdict.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { PublishTimeoutError, type GlobalLog } from "../ports/global-log.ts";
import type { DifferingRecord, Verdict, Verification, VerificationPhase } from "../ports/reconciliation.ts";
import { encodeEntry } from "../protocol/entry-codec.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { Logger } from "../runtime/logger.ts";
import { awaitCheckpoint, type ReadyState } from "./arrival.ts";
import { VERIFY_GENTLY_PURPOSE, VERIFY_PURPOSE, type Checkpoints } from "./checkpoints.ts";
import { compareRegions, NOTHING_FOUND, type ComparisonResult } from "./comparison.ts";
import { proveByLog } from "./log-proof.ts";
import { Peer, RegionProblemError } from "./peer.ts";

const PUBLISH_TIMEOUT_MS = 5_000;

export interface RunOptions {
  readonly region: string;
  readonly bus: Pick<Bus, "request">;
  readonly checkpoints: Pick<Checkpoints, "answer" | "tellPlace">;
  readonly breaker: Pick<LogBreaker, "publish">;
  readonly log: Pick<GlobalLog, "inspect" | "subscribe">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Region {
  readonly peer: Peer;
  problem: RegionProblem | undefined;
  state: ReadyState | undefined;
}

export class VerificationRun {
  readonly id: string;
  readonly partition: number;
  readonly members: number;
  readonly #options: RunOptions;
  readonly #purpose: string;
  readonly #startedAtMs: number;
  readonly #regions: readonly Region[];
  #phase: VerificationPhase = "waiting";
  #found: ComparisonResult = NOTHING_FOUND;
  #position: number | undefined;
  #ended: { readonly atMs: number; readonly verdict: Verdict; readonly reason: string } | undefined;
  #isThinned = false;

  /** @param about.isGentle it may take its time. */
  constructor(
    about: { partition: number; members: readonly string[]; isGentle: boolean },
    options: RunOptions,
  ) {
    const { clock, random } = options;
    this.#options = options;
    this.#purpose = about.isGentle ? VERIFY_GENTLY_PURPOSE : VERIFY_PURPOSE;
    this.#startedAtMs = clock.nowMs();
    this.id = random.uuid(this.#startedAtMs);
    this.partition = about.partition;
    this.members = about.members.length;
    this.#regions = about.members.toSorted().map((member) => ({
      peer: new Peer(member, this.id, options),
      problem: undefined,
      state: undefined,
    }));
  }

  /** Also what the log says is known. */
  get isOver(): boolean {
    return this.#phase === "done";
  }

  /** Log time at the barrier. */
  get logTimeMs(): number | undefined {
    return this.#regions.find(({ state }) => state !== undefined)?.state?.logTimeMs;
  }

  get isThinned(): boolean {
    return this.#isThinned;
  }

  get view(): Verification {
    const { records, sample, rest } = this.#found;
    return {
      id: this.id,
      partition: this.partition,
      startedAtMs: this.#startedAtMs,
      endedAtMs: this.#ended?.atMs,
      phase: this.#phase,
      position: this.#position,
      verdict: this.#ended?.verdict,
      reason: this.#ended?.reason,
      regions: this.#regions.map(({ peer, problem, state }) => ({
        region: peer.region,
        problem: problem?.text,
        rows: state?.rows,
        digest: state?.root,
      })),
      differences: { records, sample, rest },
    };
  }

  /** Lets go of the rows beyond the first few: there are newer verifications. */
  thin(recordsMax: number): void {
    const { sample } = this.#found;
    if (sample.length <= recordsMax) return;
    this.#found = { ...this.#found, sample: sample.slice(0, recordsMax) };
    this.#isThinned = true;
  }

  /** Up to the verdict. To be called once. Never rejects. */
  async run(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      await this.#find();
      this.#end(judge(this.#compared(), this.#position, this.#found));
    } catch (error) {
      logger.warn({ ...this.#about(), error: describeError(error) }, "a verification could not be made");
      const reason = `it could not be made: ${describeError(error)}`;
      this.#found = NOTHING_FOUND;
      this.#end({ verdict: "unreachable", reason });
    }
    const { verdict, reason } = this.#ended!;
    const level = verdict === "diverged" ? "error" : verdict === "match" ? "info" : "warn";
    const tookMs = clock.nowMs() - this.#startedAtMs;
    logger[level]({ ...this.#about(), verdict, reason, tookMs }, "a partition was verified");
  }

  /** What the regions hold at the barrier, and where it differs. */
  async #find(): Promise<void> {
    try {
      this.#position = await this.#publish();
      this.#phase = "digesting";
      await this.#awaitCheckpoints();
      await this.#compare();
    } finally {
      await Promise.all(this.#regions.map(({ peer }) => peer.release()));
    }
  }

  /** Asks the log what no majority says, after the verdict. Never rejects. @param isWanted false: it is done without. */
  async prove(isWanted: boolean): Promise<void> {
    if (isWanted) await this.#prove(this.#open);
    this.#phase = "done";
  }

  async #prove(open: readonly DifferingRecord[]): Promise<void> {
    const { log, clock } = this.#options;
    const place = { partition: this.partition, position: this.#position! };
    const chains = this.#regions.flatMap(({ problem, state }) =>
      problem === undefined && state?.chain !== undefined ? [state.chain] : [],
    );
    const { rows, problem } = await proveByLog(open, { log, clock, chains, ...place });
    const proven = this.#found.sample.map((one) => ({
      ...one,
      proven: one.proven ?? rows.get(recordIdText(one)),
    }));
    this.#found = { ...this.#found, sample: proven };
    if (problem === undefined) return;
    const { reason, ...ended } = this.#ended!;
    const doubt = `no majority says what ${open.length} of them should be, nor does the log: ${problem}`;
    this.#ended = { ...ended, reason: `${reason}; ${doubt}` };
  }

  /** Records of which no majority says what they should be. */
  get #open(): readonly DifferingRecord[] {
    return this.#found.sample.filter(({ proven }) => proven === undefined);
  }

  #end(judgement: { verdict: Verdict; reason: string }): void {
    this.#phase = this.#open.length === 0 ? "done" : "replaying";
    this.#ended = { atMs: this.#options.clock.nowMs(), ...judgement };
  }

  #about() {
    return { partition: this.partition, verification: this.id, position: this.#position };
  }

  /** Undefined where it is not known whether the log has it: checkpoints tell, if they come. */
  async #publish(): Promise<number | undefined> {
    const { breaker, region } = this.#options;
    const barrier = { kind: "barrier", origin: region, id: this.id, purpose: this.#purpose } as const;
    try {
      const limits = { timeoutMs: PUBLISH_TIMEOUT_MS };
      return (await breaker.publish("barrier", encodeEntry(barrier), limits)).position;
    } catch (error) {
      if (error instanceof PublishTimeoutError) return undefined;
      throw error;
    }
  }

  async #awaitCheckpoints(): Promise<void> {
    const { clock, random } = this.#options;
    const waiting = { clock, random, partition: this.partition, position: this.#position };
    await Promise.all(
      this.#regions.map((region) =>
        this.#noting(async () => {
          region.state = await awaitCheckpoint(region.peer, waiting);
          this.#position ??= region.state.position;
        }),
      ),
    );
    for (const region of this.#regions) {
      const { state, peer } = region;
      if (state === undefined) continue;
      if (state.position !== this.#position)
        this.#leaveOut(peer.region, { kind: "unreachable", text: `has its checkpoint at ${state.position}` });
      else if (state.leaves !== this.#leaves)
        this.#leaveOut(peer.region, { kind: "schema-mismatch", text: `digests into ${state.leaves} leaves` });
    }
  }

  async #compare(): Promise<void> {
    for (;;) {
      const regions = this.#regions.filter(({ problem }) => problem === undefined);
      this.#found = NOTHING_FOUND;
      if (regions.length < 2) return;
      if (await this.#noting(() => this.#compareAll(regions))) return;
    }
  }

  async #compareAll(regions: readonly Region[]): Promise<void> {
    const { random, clock } = this.#options;
    const states = regions.map(({ state }) => state!);
    this.#found = await compareRegions({
      peers: regions.map(({ peer }) => peer),
      leaves: this.#leaves!,
      rows: Math.max(...states.map(({ rows }) => rows)),
      operationsAbove: Math.max(...states.map(({ forgotten }) => forgotten)),
      members: this.members,
      uuid: () => random.uuid(clock.nowMs()),
      onPhase: (phase) => (this.#phase = phase),
      onFound: (found) => (this.#found = found),
    });
  }

  /** Leaves out the region whose problem it is. @returns whether there was none. */
  async #noting(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof RegionProblemError)) throw error;
      this.#leaveOut(error.region, error.problem);
      return false;
    }
  }

  #leaveOut(region: string, problem: RegionProblem): void {
    const { logger } = this.#options;
    logger.warn({ ...this.#about(), left: region, problem: problem.text }, "a region can't be compared");
    this.#regions.find(({ peer }) => peer.region === region)!.problem = problem;
  }

  /** As most regions digest, by the first of them. */
  get #leaves(): number | undefined {
    return this.#regions.find(({ state }) => state !== undefined)?.state?.leaves;
  }

  #compared() {
    return this.#regions.map(({ peer, problem, state }) => ({
      region: peer.region,
      problem,
      rows: state?.rows,
    }));
  }
}
