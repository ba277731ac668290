import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, NoRespondersError, RequestError, TimeoutError } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { toPublishError } from "../../../../services/adapters/jetstream/publish.ts";

const refusal = (code: number | undefined, description: string): JetStreamApiError =>
  // The server leaves the number out where a Raft error is passed on.
  new JetStreamApiError({ code: 503, err_code: code as number, description });

describe("the outcome of a publish", () => {
  it.each([
    ["nobody answered", new TimeoutError()],
    ["the connection was closed", new RequestError("connection closed")],
    ["a leader that was one no longer refused", refusal(undefined, "raft: not leader")],
    ["the leader's disk failed", refusal(10_077, "write /data: no space left on device")],
    ["the leader's server is out of room", refusal(10_023, "insufficient resources")],
    ["something else refused", refusal(10_008, "JetStream system temporarily unavailable")],
    ["something unheard of happened", new TypeError("surprise")],
    ["what was thrown is no error", "surprise"],
  ])("is unknown when %s", (_, error) => {
    expect(toPublishError(error, 0).name).toBe("PublishTimeoutError");
  });

  it.each([
    ["no server listens", new RequestError("", { cause: new NoRespondersError("forebay.log.0.eu") })],
    ["the connection is closed", new errors.ClosedConnectionError()],
    ["the connection is draining", new errors.DrainingConnectionError()],
    [
      "the message is too large to send",
      errors.InvalidArgumentError.format("payload", "max_payload size exceeded"),
    ],
    ["the message is too large for the stream", refusal(10_054, "message size exceeds maximum allowed")],
    ["the stream holds as many messages as it may", refusal(10_077, "maximum messages exceeded")],
    ["the stream holds as many bytes as it may", refusal(10_077, "maximum bytes exceeded")],
    ["another stream took the subject", refusal(10_060, "expected stream does not match")],
  ])("is certainly nothing when %s", (_, error) => {
    expect(toPublishError(error, 0).name).toBe("LogUnavailableError");
  });

  it.each([refusal(10_071, "wrong last sequence: 3"), refusal(10_164, "wrong last sequence")])(
    "is certainly nothing when the log ends elsewhere",
    (error) => {
      expect(toPublishError(error, 0).name).toBe("WrongLastPositionError");
    },
  );
});
