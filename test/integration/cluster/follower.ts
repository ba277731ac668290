/** A client of the feed for tests: remembers what it was told, and checks what every client may rely on. */
import { WebSocket } from "ws";
import {
  UNSETTLED_KEYS_MAX,
  type ClientFrame,
  type RecordState,
  type ServerFrame,
  type SubscribeFrame,
} from "../../../services/protocol/http/feed.ts";
import { eventually } from "./bed.ts";

export type Wanted = Omit<SubscribeFrame, "type" | "id">;

export class Follower {
  readonly frames: ServerFrame[] = [];
  /** What is known of each record. */
  readonly records = new Map<string, RecordState>();
  /**
   * Committed states that were told as changes, by key: positions in the order that they came. One that is told again
   * because something pending was told after it, which has come to nothing where the client is now, counts once.
   */
  readonly committed = new Map<string, number[]>();
  readonly wanted: Wanted;
  cursor: string | undefined;
  isComplete = false;
  closedWith: number | undefined;
  #socket: WebSocket | undefined;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
    this.cursor = wanted.cursor;
  }

  /** Goes on from the last cursor, in whatever region. @param url of a region. */
  async connect(url: string): Promise<void> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/subscribe`);
    this.#socket = socket;
    this.closedWith = undefined;
    socket.on("message", (data: Buffer) => {
      if (this.#socket === socket) this.#take(JSON.parse(data.toString()) as ServerFrame);
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => {
      if (this.#socket === socket) this.closedWith = code;
    });
    await new Promise<void>((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
    });
    const { cursor } = this;
    const unsettled = [...this.records.values()].filter(({ pending }) => pending > 0).map(({ key }) => key);
    const place = cursor === undefined ? {} : { cursor, unsettled: unsettled.slice(0, UNSETTLED_KEYS_MAX) };
    this.send({ type: "subscribe", id: "s", ...this.wanted, ...place });
  }

  send(frame: ClientFrame): void {
    this.#socket!.send(JSON.stringify(frame));
  }

  /** As a process that dies would. */
  breakOff(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  /** Stops to take what is sent. */
  pause(): void {
    this.#socket!.pause();
  }

  resume(): void {
    this.#socket!.resume();
  }

  /** @throws what is not so. */
  check(): void {
    for (const [key, positions] of this.committed) {
      for (const [index, position] of positions.entries()) {
        if (index > 0 && position <= positions[index - 1]!)
          throw new Error(`record ${key} was told at ${positions.join(", ")}: twice, or out of order`);
      }
    }
  }

  until(what: string, condition: (follower: this) => boolean): Promise<true> {
    return eventually(what, () => condition(this) || undefined, 30_000);
  }

  #take(frame: ServerFrame): void {
    this.frames.push(frame);
    if (frame.type === "changes" || frame.type === "state") {
      for (const record of frame.records) this.#learn(record, frame.type === "changes");
    }
    if (frame.type === "state" && frame.complete === true) this.isComplete = true;
    if ("cursor" in frame && frame.cursor !== undefined) this.cursor = frame.cursor;
  }

  #learn(record: RecordState, isChange: boolean): void {
    const before = this.records.get(record.key);
    this.records.set(record.key, record);
    if (!isChange || record.pending > 0 || record.position === undefined) return;
    const positions = this.committed.get(record.key) ?? [];
    const { sequence } = record.position;
    const isPendingTakenBack = before !== undefined && before.pending > 0 && positions.at(-1) === sequence;
    if (!isPendingTakenBack) positions.push(sequence);
    this.committed.set(record.key, positions);
  }
}
