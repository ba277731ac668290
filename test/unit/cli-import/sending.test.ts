import { describe, expect, it, vi } from "vitest";
import { Acknowledgements } from "../../../services/cli/import/acknowledgements.ts";
import { Lanes } from "../../../services/cli/import/lanes.ts";
import { Sender, type Fate } from "../../../services/cli/import/sender.ts";
import { GatewayError, type GatewayErrorCode } from "../../../services/gateway/errors.ts";
import { ProblemError } from "../../../services/gateway/http/problem.ts";
import { BODY_BYTES_MAX, IMPORT_BYTES_MAX } from "../../../services/protocol/http/headers.ts";
import { cliBed } from "../cli/bed.ts";
import { OPERATION } from "../gateway-http/stub-gateway.ts";

const bed = cliBed((rig) => {
  rig.gateway.imports.length = 0;
  rig.gateway.importAnswer = { operation: OPERATION, status: "accepted", isReplayed: false };
});

/** As the log decides, and keeps it under the id. */
function decided(code: GatewayErrorCode, message: string): GatewayError {
  return new GatewayError(code, message, { operation: OPERATION, position: { partition: 0, sequence: 7 } });
}

function outgoing(number: number, text = '{"key":"k","set":{"name":"x"}}') {
  return { id: `row-${number}`, key: `k${number}`, text };
}

async function sendAll(
  texts: readonly string[],
  onWait: (reason: string, pauseMs: number) => void = () => undefined,
): Promise<Fate[]> {
  const region = { name: "eu", url: bed.url };
  const sender = new Sender({
    region,
    collection: "users",
    signal: new AbortController().signal,
    onWait,
    patienceMs: 10_000,
    triesMax: 3,
  });
  const fates: Fate[] = [];
  const lines = texts.map((text, index) => ({ ...outgoing(index, text), index }));
  await sender.send(lines, ({ index }, fate) => (fates[index] = fate));
  return fates;
}

describe("lines of an import", () => {
  it("are sent again under their ids where the region refuses them for the moment", async () => {
    bed.rig.gateway.importAnswer = new GatewayError("wal-full", "full", { retryAfterMs: 1 });
    const reasons: string[] = [];
    const onWait = (reason: string, pauseMs: number) => {
      reasons.push(reason);
      expect(pauseMs).toBeGreaterThanOrEqual(1_000);
      bed.rig.gateway.importAnswer = {
        operation: OPERATION,
        status: "accepted",
        isReplayed: reasons.length > 1,
      };
    };
    const fates = await sendAll(['{"key":"a","set":{"name":"x"}}', '{"key":"b","set":{"nmae":1}}'], onWait);
    expect(fates[0]).toBe("accepted");
    expect(fates[1]).toEqual({ rejected: expect.stringContaining("unknown-field") as string });
    expect(reasons).toEqual(["full"]);
    const ids = bed.rig.gateway.imports.map(({ lines }) =>
      lines.map((line) => ("id" in line ? line.id : "")),
    );
    expect(ids).toEqual([["row-0", "row-1"], ["row-0"]]);
  });

  it("get a new id where the log has decided and a new try may do", async () => {
    bed.rig.gateway.importAnswer = decided("schema-changed", "meanwhile");
    const onWait = () =>
      (bed.rig.gateway.importAnswer = { operation: OPERATION, status: "committed", isReplayed: true });
    expect(
      await sendAll(['{"key":"a","set":{"name":"x"}}', '{"key":"b","inc":{"visits":1}}'], onWait),
    ).toMatchObject(["replayed", {}]);
    expect(bed.rig.gateway.imports[1]!.lines).toMatchObject([{ id: "row-0~2" }]);
  });

  it("keep their ids where they have expired: the log knows nothing of them, and another run begins with the same", async () => {
    const expiresAtMs = 1_700_000_000_000;
    const details = { operation: OPERATION, expiresAtMs, retryAfterMs: 1 };
    bed.rig.gateway.importAnswer = new GatewayError("expired", "too late", details);
    const onWait = () =>
      (bed.rig.gateway.importAnswer = { operation: OPERATION, status: "committed", isReplayed: false });
    const texts = ['{"key":"a","set":{"name":"x"}}', '{"key":"b","set":{"name":"x"}}'];
    expect(await sendAll(texts, onWait)).toEqual(["accepted", "accepted"]);
    expect(bed.rig.gateway.imports.map(({ lines }) => lines)).toMatchObject([
      [{ id: "row-0" }, { id: "row-1" }],
      [{ id: "row-0" }, { id: "row-1" }],
    ]);
  });

  it("are rejected where their rows have changed since they were sent, with what to do", async () => {
    bed.rig.gateway.importAnswer = new GatewayError("idempotency-key-reused", "used for another request");
    const [first] = await sendAll(['{"key":"a","set":{"name":"x"}}', '{"key":"b","set":{"nmae":1}}']);
    expect(first).toEqual({
      rejected: expect.stringMatching(/--id NAME .*\(idempotency-key-reused\)/) as string,
    });
  });

  it.each([
    [decided("schema-changed", "as before"), ["row-0", "row-0~2", "row-0~3"]],
    [new GatewayError("insufficient", "as before"), ["row-0", "row-0", "row-0"]],
  ] as const)("are rejected where all meet %s time and again", async (refusal, ids) => {
    bed.rig.gateway.importAnswer = refusal;
    const { code } = refusal;
    const fates = await sendAll(['{"key":"a","set":{"name":"x"}}', '{"key":"b","set":{"name":"x"}}']);
    expect(fates).toEqual([{ rejected: `as before (${code})` }, { rejected: `as before (${code})` }]);
    expect(bed.rig.gateway.imports.map(({ lines }) => lines[0])).toMatchObject(ids.map((id) => ({ id })));
  });

  it("take what the request as a whole has met as their own", async () => {
    const refusal = decided("schema-changed", "meanwhile");
    const writeMany = vi.spyOn(bed.rig.gateway, "writeMany").mockRejectedValueOnce(refusal);
    const texts = ['{"key":"a","set":{"name":"x"}}', '{"key":"b","set":{"name":"x"}}'];
    expect(await sendAll(texts)).toEqual(["accepted", "accepted"]);
    expect(bed.rig.gateway.imports[0]!.lines).toMatchObject([{ id: "row-0~2" }, { id: "row-1~2" }]);
    writeMany.mockRejectedValue(refusal);
    expect(await sendAll(texts)).toMatchObject([{ rejected: "meanwhile (schema-changed)" }, {}]);
  });

  it("are sent by halves, in their order, where they are too many bytes for one request", async () => {
    const { gateway } = bed.rig;
    const writeMany = gateway.writeMany.bind(gateway);
    vi.spyOn(gateway, "writeMany").mockImplementation(async (request) => {
      const isLarge = request.lines.some((line) => "key" in line && line.key === "large");
      if (request.lines.length > 2 || isLarge) throw new ProblemError("body-too-large", "too large");
      return writeMany(request);
    });
    const keys = ["a", "b", "c", "large", "e"];
    const fates = await sendAll(keys.map((key) => `{"key":"${key}","set":{"name":"x"}}`));
    const rejected = { rejected: "too large (body-too-large)" };
    expect(fates).toEqual(["accepted", "accepted", "accepted", rejected, "accepted"]);
    const sent = gateway.imports.flatMap(({ lines }) => lines.map((line) => "key" in line && line.key));
    expect(sent).toEqual(["a", "b", "c", "e"]);
  });

  it("fill a request by their bytes, whatever characters they have", async () => {
    const sent: number[] = [];
    const sender = {
      send: async <Line extends { id: string; text: string }>(
        lines: readonly Line[],
        settled: (line: Line, fate: Fate) => void,
      ) => {
        sent.push(Buffer.byteLength(lines.map(({ id, text }) => `${id}${text}`).join("")));
        for (const line of lines) settled(line, "accepted");
      },
    };
    const lanes = new Lanes(sender, 1, () => undefined);
    // Three bytes each.
    for (let number = 0; number < 100; number += 1) await lanes.add(outgoing(number, "€".repeat(20_000)));
    await lanes.finish();
    expect(sent.length).toBeGreaterThan(5);
    expect(Math.max(...sent)).toBeLessThan(IMPORT_BYTES_MAX - BODY_BYTES_MAX);
  });

  it("are given up where the request is wrong", async () => {
    const region = { name: "eu", url: bed.url };
    const sender = new Sender({
      region,
      collection: "nobody",
      signal: new AbortController().signal,
      onWait: () => undefined,
    });
    await expect(sender.send([outgoing(1)], () => undefined)).rejects.toThrow("unknown-collection");
  });

  it("of one key go one request after the other, in their order", async () => {
    const sent: string[][] = [];
    let atOnce = 0;
    const sender = {
      send: async <Line extends { id: string }>(
        lines: readonly Line[],
        settled: (line: Line, fate: Fate) => void,
      ) => {
        expect((atOnce += 1)).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        sent.push(lines.map(({ id }) => id));
        atOnce -= 1;
        for (const line of lines) settled(line, "accepted");
      },
    };
    const lanes = new Lanes(sender, 8, () => undefined);
    for (let number = 0; number < 1_234; number += 1) await lanes.add({ ...outgoing(number), key: "same" });
    await lanes.finish();
    expect(sent.flat()).toEqual(Array.from({ length: 1_234 }, (_, number) => `row-${number}`));
  });

  it("are acknowledged up to the first that is open, rejects in their order", () => {
    const acknowledgements = new Acknowledgements(undefined);
    const rows = [1, 2, 3, 4].map((number) => acknowledgements.read({ number, place: String(number) }));
    acknowledgements.done(rows[2]!, "three");
    expect([acknowledgements.last, acknowledgements.takeRejects()]).toEqual([undefined, []]);
    acknowledgements.done(rows[0]!, "one");
    expect([acknowledgements.last?.number, acknowledgements.takeRejects()]).toEqual([1, ["one"]]);
    acknowledgements.done(rows[1]!);
    expect([acknowledgements.last?.number, acknowledgements.takeRejects()]).toEqual([3, ["three"]]);
  });
});
