/** Where a subscription's frames go: a connection of a client, which may be slow. */

export interface FeedFrame {
  /** JSON, as `ServerFrame`. */
  readonly text: string;
  /** Of frames that have one. */
  readonly cursor?: string;
}

export interface FeedOutlet {
  /** Frames given to it pile up: whoever can do without giving more gives none until `drained`. */
  readonly isFull: boolean;
  /** The client has gone, or was sent away. */
  readonly closed: AbortSignal;
  /** Nothing keeps the subscription from being told any more: an answer may begin before the first frame. */
  answerable?(): void;
  send(frame: FeedFrame): void;
  /** Resolves once it is no longer full, or is closed. Others may have filled it again: look before each frame. */
  drained(): Promise<void>;
}
