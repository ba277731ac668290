/** Small marks: severities as word and shape, never as colour alone; ages; buttons with what came of them. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, timeOfDay } from "../model/format.ts";
import { useShown, type Ordering } from "../hooks.ts";

export type Tone = "ok" | "risk" | "hurt" | "note" | "off";

const SHAPES: Readonly<Record<Tone, string>> = { ok: "●", risk: "▲", hurt: "■", note: "◆", off: "○" };

export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <span class={`mark tone-${tone}`}>
      <span class="shape" aria-hidden="true">
        {SHAPES[tone]}
      </span>
      {children}
    </span>
  );
}

/** `3 min 20 s, since 14:03:22`. */
export function Since({ at }: { readonly at: number }) {
  const { wallMs } = useShown();
  return (
    <time class="since" dateTime={new Date(at).toISOString()} title={new Date(at).toISOString()}>
      for {duration(Math.max(0, wallMs - at))}, since {timeOfDay(at)}
    </time>
  );
}

/** Says how old a region's figures are, where it is not heard. */
export function Staleness({ region, fresh }: { readonly region: string; readonly fresh?: string }) {
  const { view, state } = useShown();
  const dataAgeMs = useDataAge();
  const found = view.regions.find((one) => one.region === region);
  if (found === undefined || found.state === "unheard") return <span class="stale">never heard</span>;
  if (found.state === "heard" && state.connection === "live") return fresh ?? null;
  return <span class="stale">{ageText(found.age_ms, dataAgeMs)}</span>;
}

/** The same for a column, where nothing would look like something missing. */
export function Age({ region }: { readonly region: string }) {
  return (
    <span class="soft">
      <Staleness region={region} fresh="now" />
    </span>
  );
}

function ageText(ageMs: number | undefined, sinceMs: number): string {
  return ageMs === undefined ? "age unknown" : `${duration(ageMs + sinceMs)} old`;
}

/** What has passed since the view was made. */
export function useDataAge(): number {
  const { view, wallMs } = useShown();
  return Math.max(0, wallMs - view.viewer.at);
}

/** A title, and the tools that belong to what follows. */
export function Section({
  title,
  tools,
  children,
}: {
  readonly title: string;
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  return (
    <section aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {tools !== undefined && <div class="tools">{tools}</div>}
      </div>
      {children}
    </section>
  );
}

export function Problem({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="problem" role="alert">
      <Mark tone="risk">{text}</Mark>
    </p>
  );
}

export function Nothing({ children }: { readonly children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

interface OrderButtonProps {
  readonly order: Ordering<unknown>;
  readonly label: string;
  /** Says what is ordered where the label alone does not. */
  readonly about?: string;
  /** Asked before; without it the order is given at once. */
  readonly question?: string;
  readonly isGrave?: boolean;
  readonly isDisabled?: boolean;
}

/** Always the same one: of another, preact would focus the button again each time that it draws it. */
const focusOnce = (button: HTMLButtonElement | null) => button?.focus();

/** Grave orders ask first, in place: no window that hides what it is about. */
export function OrderButton({
  order,
  label,
  about,
  question,
  isGrave = false,
  isDisabled = false,
}: OrderButtonProps) {
  const [isAsking, setAsking] = useState(false);
  const { button, giveBack } = useGivenBack(isAsking || order.isUnderWay);
  const name = about === undefined ? label : `${label} ${about}`;
  if (isAsking && question !== undefined) {
    const answer = () => {
      setAsking(false);
      giveBack();
    };
    const confirm = () => {
      answer();
      order.run();
    };
    return (
      <span class="question" role="group" aria-label={question}>
        <span>{question}</span>
        <button type="button" class="grave" onClick={confirm} ref={focusOnce}>
          Yes, {label.toLowerCase()}
        </button>
        <button type="button" onClick={answer}>
          No
        </button>
      </span>
    );
  }
  return (
    <button
      ref={button}
      type="button"
      class={isGrave ? "grave" : undefined}
      aria-label={name}
      disabled={isDisabled || order.isUnderWay}
      onClick={() => (question === undefined ? order.run() : setAsking(true))}
    >
      {order.isUnderWay ? `${label} …` : label}
    </button>
  );
}

/** Puts the focus back on the button once what was asked is answered and done, unless it has gone elsewhere meanwhile. */
function useGivenBack(isBusy: boolean) {
  const button = useRef<HTMLButtonElement>(null);
  const isOwed = useRef(false);
  useEffect(() => {
    if (isBusy || !isOwed.current) return;
    isOwed.current = false;
    if (document.activeElement === document.body) button.current?.focus();
  }, [isBusy]);
  return { button, giveBack: () => void (isOwed.current = true) };
}
