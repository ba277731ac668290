/** I13: whatever is trimmed, every region has folded it, and no crash of a database takes it back behind that. */
import type { SimulatedCluster } from "./cluster.ts";
import { require } from "./require.ts";

/** Looks after each trim, and after each fall back of a database; clusters in which nobody is away for too long. */
export function watchTrimming(cluster: SimulatedCluster, violations: unknown[]): void {
  const check = () => {
    // Thrown here it would reach the code under test, which retries what fails.
    try {
      checkTrimming(cluster);
    } catch (error) {
      violations.push(error);
    }
  };
  const { servers, regions, options } = cluster;
  if (options.trim.awayMsMax < Number.MAX_SAFE_INTEGER) return;
  const trim = servers.trim.bind(servers);
  servers.trim = (trimming) => {
    const first = trim(trimming);
    check();
    return first;
  };
  for (const { database } of regions) {
    const { trimming: own } = database;
    const trimWal = own.trimWal.bind(own);
    own.trimWal = (trimming) => {
      const trimmed = trimWal(trimming);
      if (trimmed > 0) check();
      return trimmed;
    };
    const fallBack = database.fallBack.bind(database);
    database.fallBack = () => {
      fallBack();
      check();
    };
  }
}

function checkTrimming({ servers, regions, options, wentBack }: SimulatedCluster): void {
  for (let partition = 0; partition < options.partitions; partition += 1) {
    const first = servers.firstPosition(partition);
    for (const { name, database } of regions) {
      if (wentBack.has(name)) continue;
      const { position, origins } = database.loadPartition(partition);
      require(position + 1 >= first, "I13", `the log begins at ${first}, ${name} is at ${position}`);
      for (const origin of regions) {
        const trimmed = origin.database.trimming.walTrimmed(partition);
        const folded = origins[origin.name]?.watermark ?? 0;
        require(trimmed <=
          folded, "I13", `${origin.name} has trimmed ${trimmed}, ${name} has folded ${folded}`);
      }
    }
  }
}

/** How much was trimmed in all partitions: entries, rows of all WALs, positions whose operations are forgotten. */
export function trimmedIn({ servers, regions, options }: SimulatedCluster) {
  let [logTrimmed, walTrimmed, forgotten] = [0, 0, 0];
  for (let partition = 0; partition < options.partitions; partition += 1) {
    logTrimmed += servers.firstPosition(partition) - 1;
    for (const { database } of regions) walTrimmed += database.trimming.walTrimmed(partition);
    forgotten += regions[0]!.database.loadPartition(partition).forgotten.position;
  }
  return { logTrimmed, walTrimmed, forgotten };
}
