/**
 * One fault per alert: the series that a cluster tells then, and what an operator reads of it. Values are in the notation of
 * promtool, a point every 15 s: `1x9` is 1 ten times, `0+5x9` rises by 5 each time.
 */

export interface AlertScenario {
  readonly alert: string;
  /** What has happened. */
  readonly fault: string;
  /** Series with their values while all is well, and with the fault. */
  readonly series: readonly (readonly [series: string, well: string, ill: string])[];
  /** When the alert must be there; and, where it waits, when it must not be yet. */
  readonly at: string;
  readonly notYetAt?: string;
  readonly labels: { readonly [label: string]: string };
  readonly summary: string;
}

export const EU = 'region="eu"';
export const EU_0 = 'region="eu",instance="eu:1",partition="0"';
export const P0 = 'partition="0"';
