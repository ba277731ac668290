/** From a change that lost to the write that makes it again. */
import type { FieldLoss } from "../record.ts";

/**
 * @returns the body of a write with one operator, to be checked like every body; undefined where the loss does not say
 * what it was written with, since it was recorded by software that did not keep it.
 */
export function writeBackBody(
  loss: Pick<FieldLoss, "field" | "entry" | "loser">,
): { readonly [operator: string]: unknown } | undefined {
  const { field, entry } = loss;
  const { operator, value } = loss.loser;
  switch (operator) {
    case "set":
    case "inc":
    case "raise":
    case "lower":
    case "give":
    case "take":
      return { [operator]: { [field]: value } };
    case "unset":
      return { unset: [field] };
    case "add":
    case "remove":
      // A full set refuses element by element; whatever else refuses, refuses the whole list.
      return { [operator]: { [field]: Array.isArray(value) ? value : [value] } };
    case "put":
      return { put: { [field]: entry === undefined ? value : { [entry]: value } } };
    case "drop":
      return { drop: { [field]: entry === undefined ? value : [entry] } };
    default:
      return undefined;
  }
}
