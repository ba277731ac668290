/** What components share: the feed's state, the address, a clock that ticks, and answers of the region that are kept fresh. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import type { ClusterView } from "../../protocol/cluster/view.ts";
import { request } from "./api.ts";
import type { Feed } from "./feed.ts";
import { wallTimeMs, type FeedState } from "./model/feed.ts";
import { formatRoute, parseRoute, type Parameters, type Route } from "./model/route.ts";

const TICK_MS = 1_000;

/** Anew with every view, and each second where none comes: ages go on. */
export function useFeed(feed: Feed): { readonly state: FeedState; readonly nowMs: number } {
  const [shown, show] = useState(() => ({ state: feed.state(), nowMs: performance.now() }));
  useEffect(() => {
    const update = () => show({ state: feed.state(), nowMs: performance.now() });
    const timer = setInterval(() => {
      // While views come, they are the clock: one drawing a second is enough.
      if (
        feed.state().connection !== "live" ||
        performance.now() - (feed.state().receivedAtMs ?? 0) > TICK_MS * 1.5
      )
        update();
    }, TICK_MS);
    const end = feed.subscribe(update);
    return () => {
      end();
      clearInterval(timer);
    };
  }, [feed]);
  return shown;
}

export interface Shown {
  readonly view: ClusterView;
  readonly state: FeedState;
  /** The viewer's wall clock, in milliseconds since 1970. */
  readonly wallMs: number;
  readonly route: Route;
}

export const ShownContext = createContext<Shown | undefined>(undefined);

/** What is on show; only for what is drawn once there is a view. */
export function useShown(): Shown {
  return useContext(ShownContext)!;
}

export function wallNow(state: FeedState, nowMs: number): number {
  return wallTimeMs(state, nowMs) ?? 0;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const update = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}

/** Goes on from the address that is shown; parameters that are empty are dropped. */
export function setParameters(changes: Parameters): void {
  location.hash = changedHash(changes);
}

/** The same for what is typed: the back button does not go letter by letter. */
export function replaceParameters(changes: Parameters): void {
  history.replaceState(history.state, "", changedHash(changes));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function changedHash(changes: Parameters): string {
  const { view, parameters } = parseRoute(location.hash);
  return formatRoute({ view, parameters: { ...parameters, ...changes } });
}

export interface Fetched<Answer> {
  readonly answer: Answer | undefined;
  /** The last try's; the answer of before stays. */
  readonly error: string | undefined;
  readonly refresh: () => void;
}

interface Kept<Answer> {
  readonly path: string;
  readonly answer: Answer | undefined;
  readonly error: string | undefined;
}

/** @param path undefined asks for nothing. @param everyMs 0 asks once. */
export function useFetched<Answer>(path: string | undefined, everyMs: number): Fetched<Answer> {
  const [kept, keep] = useState<Kept<Answer>>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === undefined) return undefined;
    let isShown = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const answer = await request<Answer>({ method: "GET", path });
        if (isShown) keep({ path, answer, error: undefined });
      } catch (error) {
        const { message } = error as Error;
        if (isShown)
          keep((before) => ({
            path,
            answer: before?.path === path ? before.answer : undefined,
            error: message,
          }));
      }
      if (isShown && everyMs > 0) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      isShown = false;
      clearTimeout(timer);
    };
  }, [path, everyMs, round]);
  const refresh = useCallback(() => setRound((before) => before + 1), []);
  const current = kept?.path === path ? kept : undefined;
  return { answer: current?.answer, error: current?.error, refresh };
}

export interface Ordering<Answer> {
  readonly isUnderWay: boolean;
  readonly answer: Answer | undefined;
  readonly error: string | undefined;
  readonly run: () => void;
  readonly forget: () => void;
}

/** An order that a button gives; one at a time. */
export function useOrder<Answer>(
  give: () => Promise<Answer>,
  onDone?: (answer: Answer) => void,
): Ordering<Answer> {
  const [isUnderWay, setUnderWay] = useState(false);
  const [outcome, setOutcome] = useState<{ readonly answer?: Answer; readonly error?: string }>({});
  const run = async () => {
    if (isUnderWay) return;
    setUnderWay(true);
    setOutcome({});
    try {
      const answer = await give();
      setOutcome({ answer });
      onDone?.(answer);
    } catch (error) {
      setOutcome({ error: (error as Error).message });
    } finally {
      setUnderWay(false);
    }
  };
  return {
    isUnderWay,
    answer: outcome.answer,
    error: outcome.error,
    run: () => void run(),
    forget: () => setOutcome({}),
  };
}
