/** How much memory a process may take where nobody says. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

export const MEGABYTE = 1024 ** 2;
export const MEMORY_MEGABYTES_MIN = 64;

/** Half of what the process's group, or else the machine, has; at most what node's heap can grow to. */
export function memoryMegabytesDefault(): number {
  const constrainedBytes = process.constrainedMemory();
  const machineBytes = totalmem();
  const isConstrained = constrainedBytes > 0 && constrainedBytes < machineBytes;
  const bytes = Math.min(
    (isConstrained ? constrainedBytes : machineBytes) / 2,
    getHeapStatistics().heap_size_limit,
  );
  return Math.max(MEMORY_MEGABYTES_MIN, Math.floor(bytes / MEGABYTE));
}
