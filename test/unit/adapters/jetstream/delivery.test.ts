import { expect, it } from "vitest";
import { parseDelivery } from "../../../../services/adapters/jetstream/delivery.ts";

it("reads position and time of a message", () => {
  expect(parseDelivery("$JS.ACK.FOREBAY_LOG_0.eu-a.1.6.4.1795216201123383071.0")).toEqual({
    position: 6,
    storedAtMs: 1_795_216_201_123,
  });
});

it("reads them where domain and account are named", () => {
  expect(parseDelivery("$JS.ACK.hub.Xa.FOREBAY_LOG_0.eu-a.1.7.4.1795216201999999999.0.tok")).toEqual({
    position: 7,
    storedAtMs: 1_795_216_201_999,
  });
});

it.each([
  "",
  "_INBOX.a.1",
  "$JS.ACK.a.b.1",
  "$JS.ACK.S.c.1.x.4.1795216201123383071.0",
  "$JS.ACK.S.c.1.0.4.1795216201123383071.0",
])("takes %j for no message of a log", (reply) => {
  expect(parseDelivery(reply)).toBeUndefined();
});
