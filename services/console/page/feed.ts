/** The live feed: a socket that is opened again whenever it is lost. `model/feed.ts` decides, this acts. */
import type { LiveMessage } from "../../protocol/cluster/view.ts";
import { isKeyRefused } from "./api.ts";
import { keySubprotocols } from "./key.ts";
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
    const wasLive = state.connection === "live";
    socket = undefined;
    closed?.close();
    step({ type: "closed", chance: Math.random() });
    // A socket does not tell why it was not opened; a request does.
    if (wasLive) return;
    void isKeyRefused().then((isRefused) => {
      if (isRefused) step({ type: "refused" });
    });
  };
  const open = () => {
    if (state.connection === "waiting") step({ type: "retry" });
    try {
      socket = listen(url, { onView: (view) => step({ type: "view", view }), onClose: close });
    } catch {
      // What can't even be tried, such as with a key that no subprotocol can carry, is as a socket that was not opened.
      close();
    }
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
  const socket = new WebSocket(url, keySubprotocols());
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
