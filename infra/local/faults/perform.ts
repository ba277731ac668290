/** Does to a cluster what an action says, and tells what that was. */
import type { Action, Done, LinkAction } from "./action.ts";
import type { ClusterFaults } from "./cluster-faults.ts";
import type { LinkFault } from "./link-fault.ts";

const PERCENT = 100;

/** @throws {FaultError | RangeError} when it can't be done; {StartError} when a process does not come up again. */
export async function perform(faults: ClusterFaults, action: Action): Promise<Done> {
  switch (action.do) {
    case "link":
      return performOnLink(faults, action);
    case "pause":
      await faults.pause(action.target, action.region);
      return { told: `paused ${action.target} ${action.region}`, undo: { ...action, do: "resume" } };
    case "resume":
      await faults.resume(action.target, action.region);
      return { told: `resumed ${action.target} ${action.region}`, undo: undefined };
    case "kill":
      await faults.kill(action.target, action.region);
      return { told: `killed ${action.target} ${action.region}`, undo: { ...action, do: "restart" } };
    case "restart":
      await faults.restart(action.target, action.region);
      return { told: `restarted ${action.target} ${action.region}`, undo: undefined };
    case "flap-leader": {
      const { every_ms: everyMs, partition = 0 } = action;
      await faults.flapLeader({ everyMs, partition });
      const told = `the leader of partition ${partition} steps down every ${everyMs / 1000} s`;
      return { told, undo: { do: "stop-flapping" } };
    }
    case "stop-flapping":
      await faults.stopFlapping();
      return { told: "the leader is left alone", undo: undefined };
    case "kill-leader": {
      const region = await faults.killLeader(action.partition);
      return { told: `killed nats ${region}, the leader`, undo: { do: "restart", target: "nats", region } };
    }
    case "heal-link":
      faults.healLink(action.one, action.other);
      return { told: `healed ${action.one} – ${action.other}`, undo: undefined };
    case "heal":
      await faults.healAll();
      return { told: "healed everything", undo: undefined };
  }
}

function performOnLink(faults: ClusterFaults, action: LinkAction): Done {
  const { one, other, one_way: oneWay = false } = action;
  const { is_cut: isCut, latency_ms: latencyMs, jitter_ms: jitterMs, loss_percent: lossPercent } = action;
  const change: Partial<LinkFault> = {
    ...(isCut === undefined ? {} : { isCut }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
    ...(lossPercent === undefined ? {} : { lossShare: lossPercent / PERCENT }),
  };
  faults.impair(one, other, { oneWay, ...change });
  const place = `${one} ${oneWay ? "→" : "–"} ${other}`;
  const undo: LinkAction = {
    do: "link",
    one,
    other,
    one_way: oneWay,
    ...(isCut === undefined ? {} : { is_cut: false }),
    ...(latencyMs === undefined ? {} : { latency_ms: 0 }),
    ...(jitterMs === undefined ? {} : { jitter_ms: 0 }),
    ...(lossPercent === undefined ? {} : { loss_percent: 0 }),
  };
  return { told: `${place}: ${describeLinkFault(change)}`, undo };
}

/** What is wrong with a link, as it reads after the link's name. */
export function describeLinkFault(fault: Partial<LinkFault>): string {
  const { isCut = false, latencyMs = 0, jitterMs = 0, lossShare = 0 } = fault;
  const parts = [
    isCut ? "cut" : "",
    latencyMs > 0 ? `latency +${latencyMs} ms` : "",
    jitterMs > 0 ? `jitter ±${jitterMs} ms` : "",
    lossShare > 0 ? `loss ${Math.round(lossShare * PERCENT * 10) / 10} %` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "mended" : parts.join(", ");
}
