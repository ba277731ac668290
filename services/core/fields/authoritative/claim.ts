/** A claim: the one record that has a unique value. Written by `decide/claims.ts` alone. */
import { unreachable } from "../../assert.ts";
import type { FieldKind } from "../kind.ts";

export interface ClaimState {
  readonly kind: "claim";
  /** Key of the record that has the value. */
  readonly key: string;
}

export const claim: FieldKind<ClaimState> = {
  operators: [],
  apply: (_state, change) => unreachable(change as never),
  show: ({ key }) => key,
  forget: (state) => state,
};
