// Ends the task when its process has not answered for half a minute: this container is essential, so ECS starts another.
import { setTimeout as sleep } from "node:timers/promises";

const EVERY_MS = Number(process.env.EVERY_MS ?? 5_000);
const TIMEOUT_MS = 5_000;
const FAILURES_MAX = 4;
// A process that is starting may take a while, until it has answered once.
const START_FAILURES_MAX = 24;

process.on("SIGTERM", () => process.exit(0));
let failures = 0;
let hasAnswered = false;
while (failures < (hasAnswered ? FAILURES_MAX : START_FAILURES_MAX)) {
  await sleep(EVERY_MS);
  try {
    const answer = await fetch(process.env.URL, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    failures = 0;
    hasAnswered = true;
  } catch (error) {
    failures += 1;
    console.error(`watchdog: ${process.env.URL} failed ${failures} times: ${error.message}`);
  }
}
process.exit(1);
