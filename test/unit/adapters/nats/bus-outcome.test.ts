import { errors, NoRespondersError, RequestError, TimeoutError } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { toBusError } from "../../../../services/adapters/nats/bus-request.ts";
import { InterruptedError } from "../../../../services/adapters/nats/errors.ts";

const REQUEST = { region: "us", service: "escrow", data: new Uint8Array(0), timeoutMs: 1_000 };

describe("the outcome of a request", () => {
  it.each([
    ["nobody answered", new TimeoutError()],
    ["the connection was lost", new InterruptedError("the connection to the nats-server was lost")],
    ["the connection was closed", new RequestError("connection closed")],
    ["something unheard of happened", new TypeError("surprise")],
    ["what was thrown is no error", "surprise"],
  ])("is unknown when %s", (_, error) => {
    const outcome = toBusError(error, REQUEST);
    expect(outcome.name).toBe("BusOutcomeUnknownError");
    expect(outcome.message).toMatch(/^asking region us for escrow: ./);
  });

  it.each([
    ["nobody serves it", new RequestError("", { cause: new NoRespondersError("forebay.bus.us.escrow") })],
    ["the connection is closed", new errors.ClosedConnectionError()],
    ["the connection is draining", new errors.DrainingConnectionError()],
    [
      "the request is too large to send",
      errors.InvalidArgumentError.format("payload", "max_payload size exceeded"),
    ],
  ])("is certainly nothing when %s", (_, error) => {
    const outcome = toBusError(error, REQUEST);
    expect(outcome.name).toBe("BusUnavailableError");
    expect(outcome.message).toMatch(/^asking region us for escrow: ./);
  });
});
