/** Is any user hurt: the first thing on every view, read out when it changes. */
import { useMemo } from "preact/hooks";
import { useShown } from "../hooks.ts";
import { headlineOf } from "../model/headline.ts";
import { linkTo } from "../model/route.ts";
import { Mark, Since } from "./marks.tsx";

export function HeadlineBar() {
  const { view, route, state } = useShown();
  const { level, text, since } = headlineOf(view);
  const isPast = state.connection !== "live";
  // A finding may tell of figures that rise: its first words are what is read out, once.
  const findings = view.findings.map(({ id, severity }) => (severity === "note" ? "" : id)).join(" ");
  const readOut = useMemo(() => text, [level, findings]);
  return (
    <div class={`headline level-${level}`}>
      <p aria-hidden="true">
        <Mark tone={level}>{isPast ? `When it was last seen: ${text}` : text}</Mark>
      </p>
      <p role={level === "hurt" ? "alert" : "status"} class="hidden">
        {readOut}
      </p>
      <p>
        {since !== undefined && <Since at={since} />}
        {since !== undefined && route.view !== "overview" && <a href={linkTo("overview")}>What and why</a>}
      </p>
    </div>
  );
}
