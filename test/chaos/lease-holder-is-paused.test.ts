/**
 * A worker holds a lease and is stopped, as by a long garbage collection or a moved virtual machine, until its lease is over.
 * It wakes up without knowing, and writes: the fence refuses it, whether another has the lease by then or nobody has.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { send } from "../integration/cluster/request.ts";
import { WorkerProcess, type Told } from "../integration/cluster/worker-process.ts";

const REGIONS = ["eu", "us", "ap"];
const SCHEMA = { fields: { value: { class: "authoritative", type: "string" } } };
/** Long enough to write under it on a slow machine, most of the time; where it is not, the worker takes the lease anew. */
const TTL_MS = 3_000;

let bed: Bed;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  bed = await startBed("lease", 4);
  await createCollection(bed, "jobs", SCHEMA);
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.end()));
});

afterAll(() => bed.stop());

/** Lease and record have one tag, and so are in one partition. */
const leaseOf = (job: string): string => `{${job}}/worker`;
const recordOf = (job: string): string =>
  `/v1/collections/jobs/records/${encodeURIComponent(`{${job}}/result`)}`;

async function startWorker(region: string, holder: string, job: string): Promise<WorkerProcess> {
  const { url } = bed.cluster.region(region);
  const place = { lease: leaseOf(job), record: recordOf(job) };
  const worker = await WorkerProcess.start({ url, holder, ttlMs: TTL_MS, ...place });
  workers.push(worker);
  return worker;
}

async function holdAndWrite(worker: WorkerProcess): Promise<Told> {
  return eventually("a worker has the lease and has written", async () => {
    const acquired = await worker.do("acquire");
    if (acquired.status !== 200) throw new Error(`not granted: ${JSON.stringify(acquired.body)}`);
    const written = await worker.do("write");
    if (written.status !== 200) throw new Error(`not written: ${JSON.stringify(written.body)}`);
    return acquired;
  });
}

/** The read waits for the log, so that what it says of the time is at least as late as the request. */
async function untilNobodyHolds(region: string, job: string): Promise<void> {
  const path = `/v1/leases/${encodeURIComponent(leaseOf(job))}`;
  await eventually("log time is past the lease", async () => {
    const answer = await send(`${bed.cluster.region(region).url}${path}`, { method: "GET" });
    return answer?.status === 200 && answer.body["holder"] === null ? true : undefined;
  });
}

/** In every region, with all that the log had ordered before. */
async function expectEverywhere(job: string, value: string): Promise<void> {
  for (const region of REGIONS) {
    const url = `${bed.cluster.region(region).url}${recordOf(job)}?consistency=linearizable`;
    const answer = await send(url, { method: "GET" });
    expect({ region, fields: answer?.body["fields"] }).toEqual({ region, fields: { value } });
  }
}

const REFUSED = { status: 409, body: { type: "urn:forebay:problem:stale-fence", retry: "never" } };

describe("a worker that was stopped beyond its lease", () => {
  it("is refused when another has the lease, and the other's value stays", async () => {
    const first = await startWorker("eu", "first", "handed-over");
    const second = await startWorker("us", "second", "handed-over");
    const granted = await holdAndWrite(first);
    await first.stop();
    const answers = first.answers;
    first.order("write");
    await untilNobodyHolds("us", "handed-over");
    const grantedAnew = await holdAndWrite(second);
    expect(Number(grantedAnew.token)).toBeGreaterThan(Number(granted.token));
    expect(first.answers, "a stopped worker does nothing").toBe(answers);

    const told = await first.goOn();
    expect(told).toMatchObject({ ...REFUSED, token: granted.token });
    await expectEverywhere("handed-over", "second");
  });

  it("is refused when the lease is still nobody's, and may go on once it has taken it anew", async () => {
    const worker = await startWorker("ap", "only", "run-out");
    const granted = await holdAndWrite(worker);
    await worker.stop();
    worker.order("write");
    await untilNobodyHolds("eu", "run-out");
    expect(await worker.goOn()).toMatchObject({ ...REFUSED, token: granted.token });

    const grantedAnew = await holdAndWrite(worker);
    expect(Number(grantedAnew.token)).toBeGreaterThan(Number(granted.token));
    await expectEverywhere("run-out", "only");
  });
});
