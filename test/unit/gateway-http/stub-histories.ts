/** Histories as a test says they are. */
import type { OperationOutcome } from "../../../services/core/fold/state.ts";
import type { Histories, HistoryRequest, RecordHistory } from "../../../services/gateway/record-histories.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";

export const WRITE_ID = "01990000-0000-7000-8000-00000000a001";
const REJECTED_ID = "01990000-0000-7000-8000-00000000a002";

export class StubHistories implements Histories {
  readonly asked: HistoryRequest[] = [];

  async read(request: HistoryRequest): Promise<RecordHistory> {
    if (request.collection === "ghosts") throw new GatewayError("unknown-collection", "no such collection");
    this.asked.push(request);
    const place = { storedAtMs: 1_760_000_000_000, origin: "us" };
    const change = { field: "name", kind: "lww", operator: "set", argument: "Ada" } as const;
    const local = { kind: "local", operation: WRITE_ID, action: "change", changes: [change] } as const;
    const decided = { kind: "decided", operation: REJECTED_ID, action: "delete", changes: [] } as const;
    const swept = { kind: "swept", operation: undefined, action: "sweep", changes: [] } as const;
    const outcomes = [
      { id: WRITE_ID, status: "committed" },
      { id: REJECTED_ID, status: "rejected", rejection: { code: "missing", message: "there is none" } },
    ] as unknown as OperationOutcome[];
    return {
      partition: 0,
      appearances: [
        { ...place, position: 30, ...swept },
        { ...place, position: 20, ...decided },
        { ...place, position: 12, ...local },
      ],
      from: 11,
      to: 40,
      isWhole: false,
      outcomes: new Map(outcomes.map((outcome) => [outcome.id, outcome])),
    };
  }
}
