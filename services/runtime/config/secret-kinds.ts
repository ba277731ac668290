/** Kinds of options that hold secrets, or may: nothing of a wrong one is in its error. */
import type { Kind } from "./kind.ts";
import { redactUrl } from "./redact-url.ts";

export const HIDDEN = "…";

/** @param note is added to what is expected. */
export function secret(minimum: number, note = ""): Kind<string> {
  return {
    expectation: `at least ${minimum} characters${note}`,
    form: "one",
    secrecy: "secret",
    parse: (text) =>
      text.length >= minimum
        ? { value: text }
        : { problem: `has ${text.length} characters; it must have at least ${minimum}` },
    show: () => HIDDEN,
  };
}

/** A secret of which its form is known. */
export function secretMatching(pattern: RegExp, expectation: string): Kind<string> {
  return {
    expectation,
    form: "one",
    secrecy: "secret",
    parse: (text) => (pattern.test(text) ? { value: text } : { problem: `must be ${expectation}` }),
    show: () => HIDDEN,
  };
}

/** @param protocols as `URL.protocol` has them, such as `https:`. */
export function address(protocols: readonly string[]): Kind<string> {
  const expectation = `an address that begins with ${protocols.join("// or ")}//`;
  return {
    expectation,
    form: "one",
    secrecy: "address",
    parse: (text) =>
      protocols.some((protocol) => isAddress(protocol, text))
        ? { value: text }
        : { problem: `must be ${expectation}` },
    show: redactUrl,
  };
}

/** Without `//`, or with a password that has a `/` in it, what should be an authority is read as a path, which is shown. */
function isAddress(protocol: string, text: string): boolean {
  if (!text.toLowerCase().startsWith(`${protocol}//`) || !URL.canParse(text)) return false;
  return !new URL(text).pathname.includes("@");
}

/** An address that is fetched over HTTP: fetch takes none with a user or a password in it, and quotes them in its error. */
export function fetchedAddress(protocols: readonly ("http:" | "https:")[]): Kind<string> {
  const kind = address(protocols);
  const expectation = `${kind.expectation} and has no user and no password`;
  const withExpectation = { ...kind, expectation };
  return addressWith(withExpectation, ({ username, password }) =>
    username === "" && password === "" ? undefined : `must be ${expectation}`,
  );
}

/** An address that has to pass a check of its own besides. @param problemIn undefined where there is none. */
export function addressWith(kind: Kind<string>, problemIn: (url: URL) => string | undefined): Kind<string> {
  return {
    ...kind,
    parse(text) {
      const parsed = kind.parse(text);
      if ("problem" in parsed) return parsed;
      const problem = problemIn(new URL(parsed.value));
      return problem === undefined ? parsed : { problem };
    },
  };
}
