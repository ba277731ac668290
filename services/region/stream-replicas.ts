/** On how many servers a log is kept. */

const STREAM_REPLICAS_MAX = 3;

/** An even number of replicas tolerates no more failures than the odd one below it. */
export function streamReplicas(regions: number): number {
  const replicas = Math.min(STREAM_REPLICAS_MAX, regions);
  return replicas % 2 === 0 ? replicas - 1 : replicas;
}
