/**
 * Jobs that one worker does at a time: it holds a lease, which renews itself. A worker that is paused for too long does not
 * know that another has taken over; the fence on its write does.
 *
 *   node dist/services/client/examples/job-scheduler/main.js --data .forebay
 */
import { authoritative, createClient, defineCollection, isForebayError } from "../../index.ts";
import { findCluster, freshName, near, say } from "../cluster.ts";
import { applyEverywhere } from "../everywhere.ts";
import { pausablePlatform } from "./pausable.ts";

const jobs = defineCollection("example_jobs", {
  state: authoritative.states({ open: ["done"] }, { initial: "open" }),
  doneBy: authoritative.string(),
});

const TTL_MS = 2_000;
const WAIT_MS = 60_000;

const cluster = findCluster();
await applyEverywhere(cluster, jobs);
// Lease and record have one {tag}, and so are in one partition: the log decides on both together.
const job = freshName("job");
const leaseName = `{${job}}/worker`;
const recordKey = `{${job}}/result`;

const pause = pausablePlatform();
const slow = createClient({ ...near(cluster, 0), platform: pause.platform });
const quick = createClient(near(cluster, 1));

const slowLease = await slow.lease(leaseName, { ttlMs: TTL_MS, holder: "slow" });
say(`"slow" holds the lease, with token ${slowLease.fence.token}`);
try {
  await quick.lease(leaseName, { ttlMs: TTL_MS, holder: "quick" });
  throw new Error("two workers hold the lease");
} catch (error) {
  if (!isForebayError(error, "lease-held")) throw error;
  say('"quick" asks for it, and is refused');
}

say('"slow" is paused, as by a long garbage collection: it renews nothing, and knows nothing');
pause.stop();
const quickLease = await quick.lease(leaseName, { ttlMs: TTL_MS, holder: "quick", waitMs: WAIT_MS });
say(`"quick" holds it now, with token ${quickLease.fence.token}`);
await quick
  .collection(jobs)
  .write(recordKey, { set: { state: "done", doneBy: "quick" }, fence: quickLease.fence });
say('"quick" has done the job');

pause.goOn();
try {
  await slow
    .collection(jobs)
    .write(recordKey, { set: { state: "done", doneBy: "slow" }, fence: slowLease.fence });
  throw new Error("the paused worker has written over the other's result");
} catch (error) {
  if (!isForebayError(error, "stale-fence")) throw error;
  say(`"slow" wakes up and writes: ${error.detail}`);
}
await lost(slowLease.signal);
say(`its signal says so, too: ${(slowLease.signal.reason as Error).message}`);
await quickLease.release();

const result = await quick.collection(jobs).get(recordKey, { consistency: "linearizable" });
say(`the job is ${result!.fields.state}, by "${result!.fields.doneBy}"`);
if (result!.fields.doneBy !== "quick") throw new Error("the fence has let a paused worker through");

function lost(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
