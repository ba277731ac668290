/** What requests to a cluster on this machine come with. */

/** @param key undefined where nobody is asked for one. */
export function authorization(key: string | undefined): { readonly authorization?: string } {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}
