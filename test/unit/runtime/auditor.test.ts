import { expect, it } from "vitest";
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../../services/adapters/system/random.ts";
import type { AuditTrail } from "../../../services/ports/audit-trail.ts";
import { Auditor } from "../../../services/runtime/auditor.ts";
import { silentLogger, type Logger } from "../../../services/runtime/logger.ts";
import { SimulatedAudit } from "../../simulation/audit.ts";

const ACT = { action: "verify", actor: "ada", address: null, about: {} } as const;

/** @param append in place of the trail's own. */
function rig(append?: AuditTrail["appendAudit"]) {
  const trail = new SimulatedAudit("eu");
  const logged: (readonly [string, object])[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields, message) => void logged.push([message, fields]),
    error: (fields, message) => void logged.push([message, fields]),
  };
  const store = { appendAudit: append ?? (async (fact) => trail.append(fact)) } as AuditTrail;
  const auditor = new Auditor({ store, clock: new SystemClock(), random: new SystemRandom(), logger });
  const outcomes = () => trail.rows.map(({ outcome }) => outcome);
  return { trail, logged, auditor, outcomes };
}

it("the intent is there before the act begins, and stays alone where the process ends in it", async () => {
  const { auditor, outcomes } = rig();
  void auditor.act(ACT, () => {
    expect(outcomes()).toEqual(["intent"]);
    return new Promise(() => undefined);
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(outcomes()).toEqual(["intent"]);
});

it("the outcome is there before the act is answered, with what became of it", async () => {
  const { auditor, outcomes, trail, logged } = rig();
  const ended = (count: number) => ({ outcome: "done", about: { count } }) as const;
  expect(await auditor.act({ ...ACT, ended }, async () => 3)).toBe(3);
  expect(outcomes()).toEqual(["intent", "done"]);
  expect(trail.rows[1]!.about).toBe('{"count":3}');
  await expect(auditor.act(ACT, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(outcomes().slice(2)).toEqual(["intent", "failed"]);
  // Whoever keeps these lines can prove what the trail was.
  expect(
    logged.map(([message, fields]) => [message, (fields as { audit: { hash: string } }).audit.hash]),
  ).toEqual(trail.rows.map(({ hash }) => ["audit", hash]));
});

it("an act whose intent comes too late is refused, and the late intent is told to have come to nothing", async () => {
  const held: (() => void)[] = [];
  const { trail, auditor, outcomes } = rig(
    (fact) => new Promise((resolve) => held.push(() => resolve(trail.append(fact)))),
  );
  let isDone = false;
  const work = async () => (isDone = true);
  await expect(auditor.act({ ...ACT, deadlineMs: 1 }, work)).rejects.toThrow(/can't be written/);
  expect(isDone).toBe(false);
  held.shift()!();
  await new Promise((resolve) => setImmediate(resolve));
  held.shift()!();
  expect(outcomes()).toEqual(["intent", "refused"]);
});

it("an act that was done is answered although its outcome can't be kept", async () => {
  let appended = 0;
  const { trail, auditor, logged } = rig((fact) => {
    appended += 1;
    return appended === 1 ? Promise.resolve(trail.append(fact)) : Promise.reject(new Error("away"));
  });
  expect(await auditor.act(ACT, async () => 7)).toBe(7);
  expect(logged.at(-1)![0]).toContain("how an act has ended is not in the audit trail");
});

it("an urgent act is done before its intent is kept, and the intent has its ending all the same", async () => {
  const held: (() => void)[] = [];
  const { trail, auditor, outcomes } = rig(
    (fact) => new Promise((resolve) => held.push(() => resolve(trail.append(fact)))),
  );
  expect(await auditor.act({ ...ACT, deadlineMs: 1, isUrgent: true }, async () => 7)).toBe(7);
  held.shift()!();
  await new Promise((resolve) => setImmediate(resolve));
  held.shift()!();
  await new Promise((resolve) => setImmediate(resolve));
  expect(outcomes()).toEqual(["intent", "done"]);
});

it("acts of one process are kept one after the other, and no more wait than may", async () => {
  let under = 0;
  let most = 0;
  const { trail, auditor, outcomes } = rig(async (fact) => {
    under += 1;
    most = Math.max(most, under);
    await new Promise((resolve) => setImmediate(resolve));
    under -= 1;
    return trail.append(fact);
  });
  const acts = Array.from({ length: 20 }, (_, index) => auditor.act(ACT, async () => index));
  expect(await Promise.all(acts)).toHaveLength(20);
  expect(most).toBe(1);
  expect(outcomes()).toHaveLength(40);
  const many = Array.from({ length: 400 }, () => auditor.act(ACT, async () => 1).catch(String));
  const refused = (await Promise.all(many)).filter((answer) => String(answer).includes("already wait"));
  expect(refused).toHaveLength(400 - 256);
});

it("tenants' acts take a part of the queue alone: an operator's comes in between", async () => {
  const held: (() => void)[] = [];
  const { trail, auditor } = rig(
    (fact) => new Promise((resolve) => held.push(() => resolve(trail.append(fact)))),
  );
  const own = Array.from({ length: 300 }, () =>
    auditor.act({ ...ACT, isTenants: true }, async () => "done").catch((error: Error) => error.message),
  );
  const operators = auditor.act(ACT, async () => "done");
  const turns = setInterval(() => held.shift()?.(), 0);
  const ends = await Promise.all(own);
  clearInterval(turns);
  expect(ends.filter((end) => end === "done")).toHaveLength(64);
  expect(ends.at(-1)).toMatch(/64 acts of tenants/);
  const rest = setInterval(() => held.shift()?.(), 0);
  expect(await operators).toBe("done");
  clearInterval(rest);
});
