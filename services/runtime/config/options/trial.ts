/** For clusters on one machine and for tests: nothing of this belongs into a deployment. */
import { CRASH_POINTS } from "../../../ports/crash-points.ts";
import { defaulted, optional } from "../option.ts";
import { flag, matching } from "../plain-kinds.ts";
import { addressWith, fetchedAddress, secret } from "../secret-kinds.ts";

const crashPoint = matching(
  `a crash point, alone or with a colon and a count from 1: ${CRASH_POINTS.join(", ")}`,
  (text) => {
    const [point, count, ...rest] = text.split(":");
    const isCounted = count === undefined || /^[1-9]\d{0,8}$/.test(count);
    return CRASH_POINTS.some((known) => known === point) && isCounted && rest.length === 0;
  },
);

export const trialOptions = {
  chaosUrl: optional({
    variable: "FOREBAY_CHAOS_URL",
    key: "chaos.url",
    kind: addressWith(fetchedAddress(["http:"]), ({ hostname }) =>
      hostname === "127.0.0.1" ? undefined : "must be at 127.0.0.1: only a local cluster may be broken",
    ),
    summary: "Where faults are ordered, on 127.0.0.1.",
  }),
  chaosKey: optional({
    variable: "FOREBAY_CHAOS_KEY",
    key: "chaos.key",
    kind: secret(1, ": the key of the control channel at FOREBAY_CHAOS_URL"),
    summary: "The key of that channel.",
    neededWhere: "FOREBAY_CHAOS_URL is set",
  }),
  crashAt: optional({
    variable: "FOREBAY_CRASH_AT",
    key: "crash_at",
    kind: crashPoint,
    summary: "Where the process kills itself, so that a test can see what is left.",
  }),
  exitWithParent: defaulted({
    variable: "FOREBAY_EXIT_WITH_PARENT",
    key: "exit_with_parent",
    kind: flag({ on: "1", off: "0" }),
    otherwise: false,
    summary: "Stop when the process that started this one is gone.",
  }),
};
