/**
 * What the log's decisions must keep at every position, told from the log's entries and from the rows that they left,
 * without the code that decides: deadlines (I7), tombstones (I8), unique values (I9), fences, and money.
 */
import type { OrderedEntry, ProposeEntry } from "../../services/core/entry.ts";
import type { FoldResult } from "../../services/core/fold/fold.ts";
import { recordIdText } from "../../services/core/operation.ts";
import type { Proposal } from "../../services/core/proposal.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { ACCOUNTS, BALANCES_SUM, EMAIL_FIELD } from "./accounts.ts";
import { require } from "./require.ts";

interface Grant {
  readonly token: number;
  readonly expiresAtMs: number;
}

export class DecisionChecks {
  /** The last grant of each lease; undefined once it is released. */
  readonly #leases = new Map<string, Grant | undefined>();
  readonly #records: ReadonlyMap<string, StoredRecord>;
  #isFunded = false;

  /** @param records of the reference, which change as it folds. */
  constructor(records: ReadonlyMap<string, StoredRecord>) {
    this.#records = records;
  }

  /** Called before the rows change. */
  before(entry: OrderedEntry["entry"], result: FoldResult): void {
    if (entry.kind === "batch")
      this.#checkTombstones(
        entry.operations.map((one) => one.operation),
        result,
      );
    if (entry.kind === "propose") this.#checkProposals(entry, result);
  }

  /** Called once the rows have changed. */
  after(entry: OrderedEntry["entry"], result: FoldResult): void {
    const { position } = result.state;
    if (entry.kind !== "propose") return;
    const accounts = [...this.#records.values()].filter(({ collection }) => collection === ACCOUNTS);
    this.#checkUnique(accounts, position);
    this.#checkMoney(accounts, position);
  }

  /** The first operation that changes a record in an entry meets the tombstone that was there. */
  #checkTombstones(
    operations: readonly (Parameters<typeof recordIdText>[0] & { id: string })[],
    result: FoldResult,
  ): void {
    const statuses = new Map(result.outcomes.map(({ id, status }) => [id, status]));
    for (const operation of operations) {
      const isDeleted = this.#records.get(recordIdText(operation))?.tombstone !== undefined;
      const isEffective = statuses.get(operation.id) === "committed";
      require(!(isDeleted && isEffective), "I8", `${operation.id} took effect on a deleted record`);
    }
  }

  #checkProposals(entry: ProposeEntry, { outcomes, state }: FoldResult): void {
    const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
    const seen = new Set<string>();
    for (const proposal of entry.proposals) {
      const outcome = byId.get(proposal.id);
      // The same proposal may be in the entry twice; its outcome belongs to one of them.
      if (outcome === undefined || seen.has(proposal.id)) continue;
      seen.add(proposal.id);
      const copies = entry.proposals.filter(({ id }) => id === proposal.id);
      const isInTime = copies.some(({ deadlineMs }) => state.logTimeMs <= deadlineMs);
      require(isInTime, "I7", `${proposal.id} was decided on after its deadline`);
      if (outcome.status !== "committed") continue;
      this.#checkFences(proposal, state.logTimeMs);
      this.#noteLease(proposal, { results: outcome.results, position: state.position });
    }
  }

  #checkFences(proposal: Proposal, logTimeMs: number): void {
    for (const { lease, token } of proposal.fences) {
      const grant = this.#leases.get(`${proposal.tenant} ${lease}`);
      const isHeld = grant !== undefined && grant.token === token && logTimeMs <= grant.expiresAtMs;
      require(isHeld, "fence", `${proposal.id} took effect with the stale token ${token} of ${lease}`);
    }
  }

  #noteLease(
    proposal: Proposal,
    decided: { results: FoldResult["outcomes"][number]["results"]; position: number },
  ): void {
    for (const [index, { key, action }] of proposal.writes.entries()) {
      const name = `${proposal.tenant} ${key}`;
      if (action.type === "release") this.#leases.set(name, undefined);
      if (action.type !== "acquire" && action.type !== "renew") continue;
      const grant = decided.results?.[index] as Grant | undefined;
      require(grant !== undefined, "lease", `${proposal.id} was granted without saying what`);
      if (action.type === "acquire") {
        // Later than its position only where one entry grants twice.
        require(grant.token >= decided.position, "lease", `token ${grant.token} is older than its grant`);
      }
      this.#leases.set(name, grant);
    }
  }

  #checkUnique(accounts: readonly StoredRecord[], position: number): void {
    const owners = new Map<string, string>();
    for (const { key, fields, tombstone } of accounts) {
      const state = fields[EMAIL_FIELD];
      if (tombstone !== undefined || state?.kind !== "value" || state.value === undefined) continue;
      const email = JSON.stringify(state.value);
      require(!owners.has(email), "I9", `${email} belongs to ${owners.get(email)} and ${key} at ${position}`);
      owners.set(email, key);
    }
  }

  #checkMoney(accounts: readonly StoredRecord[], position: number): void {
    let sum = 0;
    for (const { fields } of accounts) {
      const state = fields["balance"];
      const balance = state?.kind === "value" ? Number(state.value ?? 0) : 0;
      require(balance >= 0, "bound", `an account has ${balance} at ${position}`);
      sum += balance;
    }
    this.#isFunded ||= sum > 0;
    if (this.#isFunded) require(sum === BALANCES_SUM, "I4", `the accounts hold ${sum} at ${position}`);
  }
}
