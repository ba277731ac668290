/** What may be broken of a cluster on one machine, as its control channel takes and tells it. */

export interface LinkFault {
  readonly from: string;
  readonly to: string;
  readonly is_cut: boolean;
  readonly latency_ms: number;
  readonly jitter_ms: number;
  readonly loss_percent: number;
}

export interface ProcessPlace {
  readonly target: string;
  readonly region: string;
}

export interface Faults {
  readonly links: readonly LinkFault[];
  readonly paused: readonly ProcessPlace[];
  readonly stopped: readonly ProcessPlace[];
  readonly flapping?: { readonly partition: number; readonly every_ms: number; readonly moves: number };
}

export const TARGETS = ["region", "nats", "postgres"] as const;
export type Target = (typeof TARGETS)[number];

export const TARGET_WORDS: Readonly<Record<Target, string>> = {
  region: "region process",
  nats: "nats-server",
  postgres: "PostgreSQL",
};

export type ChaosAction =
  | {
      readonly do: "link";
      readonly one: string;
      readonly other: string;
      readonly one_way?: boolean;
      readonly is_cut?: boolean;
      readonly latency_ms?: number;
      readonly jitter_ms?: number;
      readonly loss_percent?: number;
    }
  | { readonly do: "pause" | "resume" | "kill" | "restart"; readonly target: Target; readonly region: string }
  | { readonly do: "kill-leader"; readonly partition?: number }
  | { readonly do: "heal-link"; readonly one: string; readonly other: string }
  | { readonly do: "heal" };

/** Each pair once. */
export function pairsOf(regions: readonly string[]): (readonly [string, string])[] {
  return regions.flatMap((one, index) => regions.slice(index + 1).map((other) => [one, other] as const));
}

/** Both ways of a pair in words; empty where nothing is wrong. */
export function faultTexts({ links }: Faults, [one, other]: readonly [string, string]): string[] {
  return links
    .filter(({ from, to }) => (from === one && to === other) || (from === other && to === one))
    .flatMap((link) => {
      const parts = [
        link.is_cut ? "cut" : "",
        link.latency_ms > 0 ? `${link.latency_ms} ms later` : "",
        link.jitter_ms > 0 ? `jitter of ${link.jitter_ms} ms` : "",
        link.loss_percent > 0 ? `${link.loss_percent} % lost` : "",
      ].filter((part) => part !== "");
      return parts.length === 0 ? [] : `${link.from} → ${link.to}: ${parts.join(", ")}`;
    });
}

/** Whether either way is cut. */
export function isCut(faults: Faults, [one, other]: readonly [string, string]): boolean {
  return faults.links.some(
    ({ from, to, is_cut: cut }) => cut && ((from === one && to === other) || (from === other && to === one)),
  );
}

/** Paused or stopped, in words; undefined while it runs. */
export function processFault(
  { paused, stopped }: Faults,
  target: Target,
  region: string,
): "paused" | "stopped" | undefined {
  const is = (one: ProcessPlace) => one.target === target && one.region === region;
  return stopped.some(is) ? "stopped" : paused.some(is) ? "paused" : undefined;
}
