/** The live feed: a socket that is opened again whenever it is lost. `model/feed.ts` decides, this acts. */
import type { LiveMessage } from "../../protocol/cluster/view.ts";
import { initialFeed, SILENT_MS_MAX, stepFeed, type FeedEvent, type FeedState } from "./model/feed.ts";

export interface Feed {
  readonly state: () => FeedState;
  /** @returns what ends it. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Tries at once. */
  readonly retryNow: () => void;
}

const LOOK_EVERY_MS = 500;

export function openFeed(url: string): Feed {
  let state = initialFeed(performance.now());
  let socket: WebSocket | undefined;
  const listeners = new Set<() => void>();
  const step = (event: FeedEvent) => {
    state = stepFeed(state, event, performance.now());
    for (const listener of listeners) listener();
  };
  const close = () => {
    const closed = socket;
    socket = undefined;
    closed?.close();
    step({ type: "closed", chance: Math.random() });
  };
  const open = () => {
    if (state.connection === "waiting") step({ type: "retry" });
    socket = listen(url, { onView: (view) => step({ type: "view", view }), onClose: close });
  };
  setInterval(() => {
    const nowMs = performance.now();
    if (state.connection === "waiting" && nowMs >= (state.retryAtMs ?? 0)) open();
    else if (state.connection !== "waiting" && nowMs - lastSignMs(state) > SILENT_MS_MAX) close();
  }, LOOK_EVERY_MS);
  open();
  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    retryNow: () => {
      if (state.connection === "waiting") open();
    },
  };
}

function lastSignMs({ connection, sinceMs, receivedAtMs, retryAtMs }: FeedState): number {
  return connection === "live" ? (receivedAtMs ?? sinceMs) : Math.max(sinceMs, retryAtMs ?? 0);
}

interface Listener {
  readonly onView: (view: LiveMessage["view"]) => void;
  readonly onClose: () => void;
}

function listen(url: string, { onView, onClose }: Listener): WebSocket {
  const socket = new WebSocket(url);
  let isOpen = true;
  const end = () => {
    if (isOpen) onClose();
    isOpen = false;
  };
  socket.addEventListener("close", end);
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as LiveMessage;
    if (isOpen && message.type === "view") onView(message.view);
  });
  return socket;
}
