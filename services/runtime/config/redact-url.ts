/** Addresses as they may be shown. */

const HIDDEN = "redacted";
/** Parameters that say how to connect and not with what; others are hidden, names as well: whoever forgot a part has a secret there. */
const OPEN_PARAMETERS: ReadonlySet<string> = new Set([
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "application_name",
  "connect_timeout",
]);

/** What would begin another parameter elsewhere: a password may follow it. */
const SEPARATOR = /[;,&=@\s]/;

/** Secrets may stand in the address's authority (a sole user may be a token), in its parameters, and after a `#`. */
export function redactUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = HIDDEN;
  else if (url.username !== "") url.username = HIDDEN;
  const shown = new URLSearchParams();
  for (const [name, value] of url.searchParams) {
    if (OPEN_PARAMETERS.has(name) && !SEPARATOR.test(value)) shown.append(name, value);
    else shown.set(HIDDEN, HIDDEN);
  }
  url.search = shown.toString();
  if (url.hash !== "") url.hash = HIDDEN;
  return url.href;
}
