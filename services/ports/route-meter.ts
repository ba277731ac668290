/** How long messages take to other regions, as the region's own server has measured it. */

export interface RouteMeter {
  /** Milliseconds there and back by region; without those that are not known. Never rejects. */
  measure(): Promise<{ readonly [region: string]: number }>;
}
