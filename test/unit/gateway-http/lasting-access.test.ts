/** Connections that last: until when their credential is believed. */
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { parseScopes } from "../../../services/core/access/scope.ts";
import { Authenticator } from "../../../services/gateway/access/authenticator.ts";
import { unauthenticated } from "../../../services/gateway/access/verified.ts";
import { Authentication } from "../../../services/gateway/http/authentication.ts";
import { LastingAccess } from "../../../services/gateway/http/lasting-access.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { TurnedClock } from "../console/fakes.ts";
import { stubApiKeys } from "./stub-api-keys.ts";

const TOKEN = "t.acme";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function rig(expiresInMs?: number) {
  const clock = new TurnedClock();
  const state = { asked: 0, over: 0, failure: undefined as Error | undefined };
  const identity = { tenant: "acme", actor: "ada", scopes: parseScopes("read:") };
  const expiresAtMs = expiresInMs === undefined ? undefined : clock.nowMs() + expiresInMs;
  const verify = async (token: string) => {
    if (token !== TOKEN) throw unauthenticated("no");
    state.asked += 1;
    if (state.failure !== undefined) throw state.failure;
    return { identity, expiresAtMs, freshMs: 5_000 };
  };
  const authenticator = new Authenticator({
    clock,
    admin: undefined,
    apiKeys: stubApiKeys(),
    tokens: { verify },
    wrongPerSecond: 1,
  });
  const authentication = new Authentication(authenticator);
  const request = {
    headers: { authorization: `Bearer ${TOKEN}` },
    socket: { remoteAddress: "10.0.0.1" },
  } as IncomingMessage;
  await authentication.admit(request);
  const access = new LastingAccess({
    request,
    access: { action: "read" },
    authentication,
    onOver: () => void (state.over += 1),
  });
  const passes = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.ms += 1_000;
      await vi.advanceTimersByTimeAsync(1_000);
    }
  };
  const guess = async () => {
    for (let count = 0; count < 40; count += 1)
      await authenticator.verify(`wrong.${count}`, "10.0.0.1").catch(() => undefined);
  };
  return { clock, state, access, passes, guess };
}

it("what has expired is over, and nobody is asked about it", async () => {
  const { state, passes } = await rig(30_000);
  await passes(20);
  state.failure = new StoreUnavailableError("away", { outcome: "none" });
  await passes(9);
  const { asked } = state;
  await passes(3);
  expect(state).toMatchObject({ over: 1, asked });
});

it("an end that the clock does not reach is looked at once a second at most", async () => {
  const { clock, state, passes, access } = await rig(30_000);
  await passes(29);
  const { asked } = state;
  // The wall clock has been set back for good.
  clock.nowMs = () => 0;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(state.asked - asked).toBeLessThanOrEqual(20);
  access.end();
});

it("what is revoked is over although its owner's address is known for wrong credentials", async () => {
  const { state, passes, guess } = await rig();
  state.failure = unauthenticated("revoked");
  await guess();
  await passes(16);
  expect(state.over).toBe(1);
});

it("while nobody can be asked it is believed for an hour, and no longer", async () => {
  const { state, passes } = await rig();
  state.failure = new StoreUnavailableError("away", { outcome: "none" });
  await passes(3_500);
  expect(state.over).toBe(0);
  await passes(200);
  expect(state.over).toBe(1);
});
