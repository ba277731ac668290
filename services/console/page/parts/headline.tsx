/** Is any user hurt: the first thing on every view, read out when it changes. */
import { headlineOf } from "../model/headline.ts";
import { linkTo } from "../model/route.ts";
import { useShown } from "../hooks.ts";
import { Mark, Since } from "./marks.tsx";

export function HeadlineBar() {
  const { view, route, state } = useShown();
  const { level, text, since } = headlineOf(view);
  const isPast = state.connection !== "live";
  return (
    <div class={`headline level-${level}`}>
      <p role="status" aria-live={level === "hurt" ? "assertive" : "polite"}>
        <Mark tone={level}>{isPast ? `When it was last seen: ${text}` : text}</Mark>
      </p>
      <p>
        {since !== undefined && <Since at={since} />}
        {since !== undefined && route.view !== "overview" && <a href={linkTo("overview")}>What and why</a>}
      </p>
    </div>
  );
}
