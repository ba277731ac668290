import { expect, it } from "vitest";
import { rejectionOf } from "../../../services/client/rejection.ts";
import { REJECTION_CODES } from "../../../services/core/decide/rejection.ts";
import { REJECTED_CODES } from "../../../services/gateway/decisions/rejected-codes.ts";

it("is told by the problem that the region would tell", () => {
  for (const code of REJECTION_CODES) expect(rejectionOf({ code }).code).toBe(REJECTED_CODES[code]);
});
