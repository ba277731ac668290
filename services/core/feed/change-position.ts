/** Which change of a record a window of the log's changes has to tell, if any. */

export interface NotedChange {
  /** Of the window: after it, and up to it. */
  readonly after: number;
  readonly upTo: number;
  /** Version of the record's row; undefined where there is none. */
  readonly version: number | undefined;
  /** The window has noted that the row was written. */
  readonly isWritten: boolean;
  /** The window has noted that the row has gone, or was repaired, at this position. */
  readonly rewrittenAt: number | undefined;
}

/**
 * The position of the change that the record's state at hand comes from; undefined where the window has none to tell.
 * What was changed again after the window is told then.
 */
export function changePositionOf({
  after,
  upTo,
  version,
  isWritten,
  rewrittenAt,
}: NotedChange): number | undefined {
  if (version !== undefined && version > upTo) return undefined;
  const isRewritten = rewrittenAt !== undefined && rewrittenAt > after && (version ?? 0) < rewrittenAt;
  if (isRewritten) return rewrittenAt;
  return isWritten && version !== undefined && version > after ? version : undefined;
}
