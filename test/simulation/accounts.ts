/** The collection whose every write the log decides: what the decision clients write, and what the checks know of it. */
import type { CollectionSchema } from "../../services/core/schema.ts";

export const ACCOUNTS = "accounts";
export const EMAIL_FIELD = "email";
export const ACCOUNT_KEYS = ["ada", "bob", "cyd", "dan"];
const BALANCE = 100;
export const BALANCES_SUM = BALANCE * ACCOUNT_KEYS.length;

export const ACCOUNTS_SCHEMA: CollectionSchema = {
  partitionBy: "collection",
  fields: {
    balance: { class: "authoritative", type: "integer", min: 0 },
    [EMAIL_FIELD]: { class: "authoritative", type: "string", unique: true },
    stage: {
      class: "authoritative",
      type: "string",
      initial: "new",
      states: { new: ["open"], open: ["closed", "new"], closed: [] },
    },
    visits: { class: "merge", kind: "counter" },
    note: { class: "lww" },
  },
};

/** One transaction, so that the sum is right from the first position on. */
export const FUNDING = {
  writes: ACCOUNT_KEYS.map((key) => ({
    collection: ACCOUNTS,
    key,
    inc: { balance: BALANCE },
    if: { version: null },
  })),
};
