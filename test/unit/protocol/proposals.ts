/** Random proposals, with everything in their texts that a wire format may stumble over. */
import fc from "fast-check";
import type { Action, Condition, Proposal, ProposedWrite } from "../../../services/core/proposal.ts";
import { change, changeOf, hash, hlc, name, oddText, sequence, uuid, value } from "./operations.ts";

const exact = { noNullPrototype: true } as const;
const token = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const ttlMs = fc.integer({ min: 1, max: 1_000_000_000 });
/** As a client can send it: JSON has no -0. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);

export const proposedChange = fc.oneof(
  change,
  changeOf("value", "set", value),
  changeOf("value", "unset", fc.constant(null)),
  changeOf("value", "inc", fc.maxSafeInteger()),
);

const uniqueValue = fc.record({ field: name, value: fc.oneof(oddText, number) }, exact);

export const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record(
    { type: fc.constant("change" as const), changes: fc.array(proposedChange, { maxLength: 3 }) },
    exact,
  ),
  fc.record({ type: fc.constant("delete" as const) }, exact),
  fc.record(
    { type: fc.constant("restore" as const), claims: fc.array(uniqueValue, { maxLength: 3 }) },
    exact,
  ),
  fc.record({ type: fc.constant("reclaim" as const), from: name }, exact),
  fc.record({ type: fc.constant("acquire" as const), holder: name, ttlMs }, exact),
  fc.record({ type: fc.constant("renew" as const), token, ttlMs }, exact),
  fc.record({ type: fc.constant("release" as const), token }, exact),
);

/** With any of its members, or with none. */
const condition: fc.Arbitrary<Condition> = fc.record(
  {
    version: fc.oneof(sequence, fc.constantFrom(null, "*" as const)),
    fields: fc
      .dictionary(oddText, value)
      .map((fields) => JSON.parse(JSON.stringify(fields)) as NonNullable<Condition["fields"]>),
  },
  { requiredKeys: [], ...exact },
);

const write: fc.Arbitrary<ProposedWrite> = fc.record(
  { collection: name, key: name, action, condition },
  { requiredKeys: ["collection", "key", "action"], ...exact },
);

export const proposal: fc.Arbitrary<Proposal> = fc.record(
  {
    id: uuid,
    tenant: name,
    requestHash: hash,
    hlc,
    deadlineMs: sequence,
    fences: fc.array(fc.record({ lease: name, token }, exact), { maxLength: 2 }),
    writes: fc.array(write, { minLength: 1, maxLength: 4 }),
  },
  exact,
);
