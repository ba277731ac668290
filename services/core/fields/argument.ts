/** The shape of an operator's argument, whatever field it is used on. Checked when a write is accepted and when it is decoded. */
import { isObject } from "../json.ts";
import type { Operator } from "./kind.ts";

/** What the argument should have been, or undefined when it is right. */
export function argumentProblem(operator: Operator, argument: unknown): string | undefined {
  switch (operator) {
    case "set":
    case "unset":
      return undefined;
    case "inc":
      return Number.isSafeInteger(argument) ? undefined : "an integer";
    case "give":
    case "take":
      return isAmount(argument) ? undefined : "an integer of at least 1";
    case "move":
      return isMove(argument) ? undefined : "a region and an integer of at least 1";
    case "raise":
    case "lower":
      return typeof argument === "number" || typeof argument === "string"
        ? undefined
        : "a number or a string";
    case "add":
    case "remove":
      return isListOf(argument, isElement) ? undefined : "a list of strings, numbers or booleans";
    case "put":
      return isObject(argument) ? undefined : "an object of entries";
    case "drop":
      return isListOf(argument, isText) ? undefined : "a list of entry names";
  }
}

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isMove(value: unknown): boolean {
  return isObject(value) && typeof value["to"] === "string" && isAmount(value["amount"]);
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isMember);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isElement(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
