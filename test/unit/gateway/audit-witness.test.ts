/** What regions remember of where each other's audit trails ended. */
import { beforeEach, expect, it } from "vitest";
import { AuditWitness, type AuditWitnessOptions } from "../../../services/gateway/audit/witness.ts";
import {
  decodeAuditHead,
  encodeAuditHead,
  encodeAuditQuestion,
} from "../../../services/protocol/audit-message.ts";
import { BusUnavailableError, type BusHandler, type BusRequest } from "../../../services/ports/bus.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { SimulatedAudit } from "../../simulation/audit.ts";

const heads = new Map<string, Uint8Array>();
let audit: SimulatedAudit;
let errors: object[];
let asked: BusRequest[];
let handler: BusHandler;

const head = (sequence: number, digit = sequence) =>
  encodeAuditHead({ sequence, hash: String(digit % 10).repeat(64) });

function witness(): AuditWitness {
  const options = {
    region: "eu",
    bus: {
      request: async (request: BusRequest) => {
        asked.push(request);
        const answer = heads.get(request.region);
        if (answer === undefined) throw new BusUnavailableError("nobody there");
        return answer;
      },
      serve: (_: string, given: BusHandler) => {
        handler = given;
        return () => undefined;
      },
    },
    store: {
      readAuditHead: async () => audit.head(),
      listAudit: async (query: Parameters<typeof audit.list>[0]) => audit.list(query),
      keepAuditHead: async (seen: Parameters<typeof audit.keepHead>[0]) => audit.keepHead(seen),
      listAuditHeads: async () => audit.heads(),
      readPositions: async () => ({ members: ["ap", "eu", "us"] }),
    },
    clock: { nowMs: () => 1_000 + asked.length },
    logger: { ...silentLogger, error: (fields: object) => void errors.push(fields) },
  };
  return new AuditWitness(options as unknown as AuditWitnessOptions);
}

const kept = () => audit.heads().map(({ region, sequence, hash }) => `${region} ${sequence} ${hash[0]}`);

beforeEach(() => {
  heads.clear();
  [audit, errors, asked] = [new SimulatedAudit("eu"), [], []];
});

it("keeps what is new, of those that answer", async () => {
  heads.set("us", head(3));
  heads.set("ap", head(0));
  const one = witness();
  expect(await one.look()).toBe(1);
  expect(asked.map(({ region }) => region).toSorted()).toEqual(["ap", "us"]);
  expect(await one.look()).toBe(0);
  heads.set("us", head(5));
  heads.delete("ap");
  expect(await one.look()).toBe(1);
  expect(kept()).toEqual(["us 3 3", "us 5 5"]);
  expect(errors).toEqual([]);
});

it("says where a trail has gone back, or is another one, also after a restart; and keeps both", async () => {
  heads.set("us", head(5));
  await witness().look();
  heads.set("us", head(4));
  await witness().look();
  heads.set("us", head(4, 9));
  await witness().look();
  expect(errors).toHaveLength(2);
  expect(kept()).toEqual(["us 4 4", "us 4 9", "us 5 5"]);
});

it("says where a trail goes on from another row than the one that is known", async () => {
  const goesOn = (sequence: number, known: string) => {
    const own = { sequence, hash: String(sequence % 10).repeat(64), hash_at: known.repeat(64) };
    heads.set("us", encodeAuditHead(own));
  };
  heads.set("us", head(5));
  const one = witness();
  await one.look();
  goesOn(6, "5");
  await one.look();
  expect(errors).toEqual([]);
  expect(Buffer.from(asked.at(-1)!.data).toString()).toBe('{"at":5}');
  goesOn(9, "8");
  await one.look();
  expect(errors).toEqual([{ region: "us", sequence: 9, seen: 6 }]);
});

it("tells of the row that it is asked about, where there is one", async () => {
  witness().serve();
  const fact = {
    act: "01990000-0000-7000-8000-000000000001",
    action: "drain",
    actor: "a",
    address: null,
  } as const;
  const rows = [1, 2].map((atMs) => audit.append({ ...fact, atMs, about: "{}", outcome: "intent" }));
  const answerTo = async (at: number | undefined) => decodeAuditHead(await handler(encodeAuditQuestion(at)));
  const end = { sequence: 2, hash: rows[1]!.hash };
  expect(await answerTo(undefined)).toEqual(end);
  expect(await answerTo(1)).toEqual({ ...end, hash_at: rows[0]!.hash });
  expect(await answerTo(7)).toEqual(end);
  expect(decodeAuditHead(await handler(Buffer.from("nonsense")))).toEqual(end);
});

it("keeps nothing of what is no head", async () => {
  for (const text of ["", "{}", '{"sequence":-1,"hash":"x"}', "[".repeat(1_000)]) {
    heads.set("us", Buffer.from(text));
    expect(await witness().look()).toBe(0);
  }
  expect(kept()).toEqual([]);
});

it("answers others with where the own trail ends", async () => {
  witness().serve();
  const { sequence, hash } = audit.append({
    act: "01990000-0000-7000-8000-000000000001",
    atMs: 1,
    action: "drain",
    actor: "ada",
    address: null,
    about: "{}",
    outcome: "intent",
  });
  expect(Buffer.from(await handler(new Uint8Array())).toString()).toBe(JSON.stringify({ sequence, hash }));
});
