/** The frame of the page: what is wrong, how fresh it all is, where one can go, and the view that is asked for. */
import type { ComponentType } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Feed } from "./feed.ts";
import { ShownContext, useFeed, useRoute, wallNow } from "./hooks.ts";
import { linkTo, VIEWS, VIEW_TITLES, type Route, type ViewName } from "./model/route.ts";
import { Select } from "./parts/fields.tsx";
import { ConnectionLine } from "./parts/connection.tsx";
import { KeyForm } from "./parts/key-form.tsx";
import { HeadlineBar } from "./parts/headline.tsx";
import { applyTheme, storedTheme, THEMES, type Theme } from "./theme.ts";
import { BuffersView } from "./views/buffers.tsx";
import { ChaosView } from "./views/chaos.tsx";
import { ConflictsView } from "./views/conflicts.tsx";
import { LagView } from "./views/lag.tsx";
import { LoadView } from "./views/load.tsx";
import { LogView } from "./views/log.tsx";
import { MembersView } from "./views/members.tsx";
import { OverviewView } from "./views/overview.tsx";
import { ReconcilerView } from "./views/reconciler.tsx";
import { RecordsView } from "./views/records.tsx";
import { WritesView } from "./views/writes.tsx";

const PAGES: Readonly<Record<ViewName, ComponentType>> = {
  overview: OverviewView,
  lag: LagView,
  buffers: BuffersView,
  writes: WritesView,
  log: LogView,
  load: LoadView,
  reconciler: ReconcilerView,
  conflicts: ConflictsView,
  members: MembersView,
  records: RecordsView,
  chaos: ChaosView,
};

export function App({ feed }: { readonly feed: Feed }) {
  const { state, nowMs } = useFeed(feed);
  const route = useRoute();
  const { view } = state;
  const shown = useMemo(
    () => (view === undefined ? undefined : { view, state, wallMs: wallNow(state, nowMs), route }),
    [state, nowMs, route],
  );
  const main = useViewStart(route);
  const Page = PAGES[route.view];
  return (
    <ShownContext.Provider value={shown}>
      <a class="skip" href="#main" onClick={(event) => skipTo(event, main.current)}>
        Skip to the content
      </a>
      <header>
        <p class="brand">
          forebay <span>{view?.viewer.region ?? ""}</span>
        </p>
        <ConnectionLine state={state} nowMs={nowMs} onRetry={feed.retryNow} />
        <ThemeSelect />
      </header>
      <Navigation route={route} hasChaos={view?.has_chaos === true} />
      {/* The skip link's target, and where reading starts after a change of view. */}
      <main id="main" tabIndex={-1} ref={main}>
        {state.isRefused ? (
          <KeyForm onKey={feed.retryNow} />
        ) : shown === undefined ? (
          <p class="nothing">Waiting for the first look at the cluster …</p>
        ) : (
          <>
            <HeadlineBar />
            <h1>{VIEW_TITLES[route.view]}</h1>
            <Page />
          </>
        )}
      </main>
    </ShownContext.Provider>
  );
}

/** The hash is the address of the view, so the link can't be a plain one. */
function skipTo(event: Event, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}

function useViewStart({ view }: Route) {
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${VIEW_TITLES[view]} · Forebay console`;
    if (!isFirst.current) scrollTo(0, 0);
    isFirst.current = false;
  }, [view]);
  return main;
}

function Navigation({ route, hasChaos }: { readonly route: Route; readonly hasChaos: boolean }) {
  const shown = VIEWS.filter((view) => view !== "chaos" || hasChaos);
  return (
    <nav aria-label="Views">
      <ul>
        {shown.map((view) => (
          <li key={view}>
            <a
              ref={route.view === view ? showInStrip : null}
              href={linkTo(view)}
              aria-current={route.view === view ? "page" : undefined}
            >
              {VIEW_TITLES[view]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** On a phone the views are a strip that scrolls. */
function showInStrip(link: HTMLElement | null): void {
  const strip = link?.closest("nav");
  if (!link || !strip || strip.scrollWidth <= strip.clientWidth) return;
  strip.scrollLeft = link.offsetLeft - strip.clientWidth / 2 + link.offsetWidth / 2;
}

function ThemeSelect() {
  const [theme, setTheme] = useState(storedTheme);
  const onChange = (value: string) => {
    const chosen = value as Theme;
    setTheme(chosen);
    applyTheme(chosen);
  };
  const choices = THEMES.map((name) => ({ value: name, text: name }));
  return <Select label="Theme" value={theme} choices={choices} onChange={onChange} />;
}
