/** The words for faults: what each means, and what is said of those that mean nothing. */
import { describe, expect, it } from "vitest";
import { parseDurationMs } from "../../../services/runtime/duration.ts";
import { parseFault } from "../../../infra/chaos/grammar.ts";

describe("a line", () => {
  const link = { do: "link", one: "eu", other: "us" };
  it.each([
    ["cut eu us", { ...link, is_cut: true }, undefined],
    ["cut eu us --one-way --for 30s", { ...link, is_cut: true, one_way: true }, 30_000],
    ["latency eu us 5", { ...link, latency_ms: 5 }, undefined],
    ["jitter  eu  us 200ms --for 2min", { ...link, jitter_ms: 200 }, 120_000],
    ["loss eu us 30%", { ...link, loss_percent: 30 }, undefined],
    ["pause postgres ap --for 1.5s", { do: "pause", target: "postgres", region: "ap" }, 1_500],
    ["kill region eu", { do: "kill", target: "region", region: "eu" }, undefined],
    ["resume nats us", { do: "resume", target: "nats", region: "us" }, undefined],
    ["restart nats us", { do: "restart", target: "nats", region: "us" }, undefined],
    ["flap-leader --every 5s", { do: "flap-leader", every_ms: 5_000, partition: 0 }, undefined],
    ["kill-leader --partition 3 --for 10s", { do: "kill-leader", partition: 3 }, 10_000],
    ["heal", { do: "heal" }, undefined],
    ["heal eu us", { do: "heal-link", one: "eu", other: "us" }, undefined],
  ])("%s", (line, action, forMs) => {
    expect(parseFault(line)).toEqual({ action, forMs });
  });

  it.each([
    ["", '"" is no fault; known are cut, latency'],
    ["explode eu", '"explode" is no fault'],
    ["help cut", '"help" is no fault'],
    ["cut eu", "missing required argument 'other'"],
    ["cut eu us ap", "too many arguments"],
    ["cut eu us --twice", "unknown option '--twice'"],
    ["cut eu us --for 30", "A duration is a number with its unit, such as 500ms, 30s, 10m, 1h30m or 90d"],
    ["cut eu us --for 0s", "from 1 ms to"],
    ["latency eu us -5", "milliseconds from 0 to 60000"],
    ["latency eu us 61s", "milliseconds from 0 to 60000"],
    ["loss eu us 130", "a percentage from 0 to 100"],
    ["pause mysql eu", "Allowed choices are nats, postgres, region"],
    ["resume nats eu --for 5s", "unknown option '--for'"],
    ["flap-leader", "required option '--every <duration>'"],
    ["flap-leader --every 5ms", "from 100 ms"],
    ["kill-leader --partition x", "A partition is a number"],
    ["heal eu", "heal takes two regions, or none"],
  ])("refuses: %s", (line, reason) => {
    expect(() => parseFault(line)).toThrow(reason);
  });
});

it.each([
  ["500ms", 500],
  [" 5s ", 5_000],
  ["1.5min", 90_000],
  ["5", undefined],
  ["s", undefined],
  ["-5s", undefined],
  ["5 s", undefined],
  ["5h", 18_000_000],
  ["10m", 600_000],
  ["1h30m", 5_400_000],
  ["1min30s", 90_000],
  ["0", 0],
  ["90d", 7_776_000_000],
  ["1d12h", 129_600_000],
  ["5w", undefined],
  ["1h 30m", undefined],
])("a duration: %s", (text, durationMs) => {
  expect(parseDurationMs(text)).toBe(durationMs);
});
