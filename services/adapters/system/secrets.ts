/** Secrets from the operating system's generator. */
import { randomBytes } from "node:crypto";
import { API_KEY_SECRET_BYTES } from "../../core/access/api-key.ts";

const ID_BYTES = 10;
const ID_LENGTH = 16;

export class SystemSecrets {
  newKey(): { readonly id: string; readonly secret: string } {
    const id = BigInt(`0x${randomBytes(ID_BYTES).toString("hex")}`)
      .toString(36)
      .padStart(ID_LENGTH, "0");
    return { id: id.slice(-ID_LENGTH), secret: randomBytes(API_KEY_SECRET_BYTES).toString("base64url") };
  }
}
