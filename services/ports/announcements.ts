/**
 * What a process tells everybody, now and then: nobody answers, nothing is kept, and what is lost is followed by the next.
 * Whatever rests on one must do without it.
 */

/** @param region that the announcement is from, as its subject says. */
export type AnnouncementHandler = (region: string, data: Uint8Array) => void;

export interface Announcements {
  /**
   * Tells every process of every region that listens, this one too. Never throws: where the bus is away, or the data is
   * larger than `ANNOUNCEMENT_BYTES_MAX`, nobody hears it.
   * @param topic a plain name, such as `status`.
   * @returns whether it was sent, which does not say that anybody heard it.
   */
  announce(topic: string, data: Uint8Array): boolean;
  /**
   * Hears what is announced, also while the bus is not connected yet, and beyond. A handler that throws is heard of in the
   * logs, and hears the next.
   * @returns ends it: nothing more is heard.
   */
  listen(topic: string, handler: AnnouncementHandler): () => void;
}

export const ANNOUNCEMENT_BYTES_MAX = 64 * 1024;
