/** Addresses as they may be shown. */

const HIDDEN = "redacted";
/** Parameters that say how to connect and not with what; of all others the value is hidden. */
const OPEN_PARAMETERS: ReadonlySet<string> = new Set([
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "application_name",
  "connect_timeout",
]);

/** Secrets may stand in the address's authority (a sole user may be a token), in its parameters, and after a `#`. */
export function redactUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = HIDDEN;
  else if (url.username !== "") url.username = HIDDEN;
  for (const name of new Set(url.searchParams.keys())) {
    if (!OPEN_PARAMETERS.has(name)) url.searchParams.set(name, HIDDEN);
  }
  if (url.hash !== "") url.hash = HIDDEN;
  return url.href;
}
