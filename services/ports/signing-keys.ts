/** Where the public keys come from that tokens are signed with. */

export interface SigningKeySource {
  /** A JSON Web Key Set, not yet checked. Rejects when it can't be had within its own time limit. */
  fetch(): Promise<unknown>;
}
