import { expect, it } from "vitest";
import { readTraceparent, traceContextOf } from "../../../services/core/trace.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-01`;

it("a traceparent is read, and told apart", () => {
  expect(readTraceparent(TRACEPARENT)).toBe(TRACEPARENT);
  expect(traceContextOf(TRACEPARENT)).toEqual({ traceId: TRACE_ID, parentId: PARENT_ID, isSampled: true });
  expect(traceContextOf(`00-${TRACE_ID}-${PARENT_ID}-00`).isSampled).toBe(false);
  expect(traceContextOf(`00-${TRACE_ID}-${PARENT_ID}-03`).isSampled).toBe(true);
});

it("of a later version what this one knows is taken", () => {
  expect(readTraceparent(`01-${TRACE_ID}-${PARENT_ID}-01`)).toBe(TRACEPARENT);
  expect(readTraceparent(`cc-${TRACE_ID}-${PARENT_ID}-01-what-the-future-brings`)).toBe(TRACEPARENT);
});

it.each([
  undefined,
  ["00"],
  "",
  "nonsense",
  TRACEPARENT.toUpperCase(),
  `ff-${TRACE_ID}-${PARENT_ID}-01`,
  `00-${"0".repeat(32)}-${PARENT_ID}-01`,
  `00-${TRACE_ID}-${"0".repeat(16)}-01`,
  `00-${TRACE_ID}-${PARENT_ID}-01-more`,
  `00-${TRACE_ID}-${PARENT_ID}-1`,
  `01-${TRACE_ID}-${PARENT_ID}-01more`,
  ` ${TRACEPARENT}`,
  `${TRACEPARENT}, ${TRACEPARENT}`,
])("%s is none", (text) => {
  expect(readTraceparent(text)).toBeUndefined();
});
