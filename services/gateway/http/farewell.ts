/**
 * Lets clients of a server go in good order: from `begin` on each answer says that its connection ends with it, so that no
 * client sends its next request over one that is about to close.
 */
import {
  ServerResponse,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
} from "node:http";

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

export class Farewell {
  #hasBegun = false;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  begin(): void {
    this.#hasBegun = true;
  }

  /** What a server is made with: answers to requests that were under way before say it, too. */
  responses(): typeof ServerResponse {
    const hasBegun = () => this.#hasBegun;
    return class<Request extends IncomingMessage> extends ServerResponse<Request> {
      override writeHead(status: number, message?: string, headers?: Headers): this;
      override writeHead(status: number, headers?: Headers): this;
      override writeHead(status: number, messageOrHeaders?: string | Headers, headers?: Headers): this {
        if (hasBegun()) this.shouldKeepAlive = false;
        return typeof messageOrHeaders === "string"
          ? super.writeHead(status, messageOrHeaders, headers)
          : super.writeHead(status, messageOrHeaders);
      }
    };
  }
}
