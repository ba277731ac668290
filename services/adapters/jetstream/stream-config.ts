/** How a partition's stream is called, and how it has to be configured. */
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";

export function streamName(partition: number): string {
  return `FOREBAY_LOG_${partition}`;
}

/** The last token is the origin, so that the server's permissions can keep a region from publishing as another. */
export function subjectOf(partition: number, origin: string): string {
  return `forebay.log.${partition}.${origin}`;
}

/**
 * The region that has published to a partition's log; the subject itself where it is none of that log's, as that of an entry
 * which somebody has sent on; undefined for the first entry of a log that was made anew.
 */
export function publisherOf(partition: number, subject: string): string | undefined {
  if (subject === closedSubject(partition)) return undefined;
  const prefix = subjectOf(partition, "");
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : subject;
}

/** What a log relies on. A limit on messages or bytes is not named: with `discard: new` it refuses and loses nothing. */
export function requiredConfig(partition: number, replicas: number): Partial<StreamConfig> {
  return {
    subjects: [subjectOf(partition, "*")],
    storage: StorageType.File,
    num_replicas: replicas,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: 0,
    max_msgs_per_subject: -1,
    deny_delete: true,
    allow_rollup_hdrs: false,
    allow_msg_ttl: false,
    sealed: false,
  };
}

/** Of a log that is being made anew: nobody publishes to it but who does that, until the first entry is there. */
export function closedSubject(partition: number): string {
  return `forebay.rebuild.${partition}`;
}

/** Whether making it anew was cut off before it was opened to everybody. */
export function isClosedFor({ subjects }: Pick<StreamConfig, "subjects">, partition: number): boolean {
  return subjects.includes(closedSubject(partition));
}

/** What differs, in words: `num_replicas is 1 instead of 3`. */
export function configDifferences(actual: StreamConfig, partition: number, replicas: number): string[] {
  const differences: string[] = [];
  for (const [key, required] of Object.entries(requiredConfig(partition, replicas))) {
    // A server that does not know a setting leaves it out, which means the same as false.
    const found = JSON.stringify(actual[key as keyof StreamConfig] ?? false);
    const wanted = JSON.stringify(required);
    // More copies than a topology asks for hold the log as well.
    const isEnough = key === "num_replicas" && actual.num_replicas >= replicas;
    if (found !== wanted && !isEnough) differences.push(`${key} is ${found} instead of ${wanted}`);
  }
  return differences;
}
