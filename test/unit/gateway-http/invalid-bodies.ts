/** Bodies that routes refuse by themselves, before the core or the log is asked. */

export const ACQUIRE = { holder: "worker 3", ttl_ms: 30_000 };

export const INVALID_LEASES = [
  [],
  {},
  { holder: "a" },
  { ttl_ms: 1_000 },
  { ...ACQUIRE, token: "1" },
  { ...ACQUIRE, note: "" },
  { ...ACQUIRE, holder: "" },
  { ...ACQUIRE, holder: "h".repeat(257) },
  { ...ACQUIRE, holder: "a\0" },
  { ...ACQUIRE, holder: 7 },
  { ...ACQUIRE, ttl_ms: 999 },
  { ...ACQUIRE, ttl_ms: 600_001 },
  { ...ACQUIRE, ttl_ms: 1_000.5 },
  { ...ACQUIRE, ttl_ms: "1000" },
  { token: 17, ttl_ms: 1_000 },
  { token: "017", ttl_ms: 1_000 },
  { token: "9999999999999999", ttl_ms: 1_000 },
];

export const INVALID_RECLAIMS = [
  [],
  {},
  '"ap"',
  { region: "ap", all: true },
  { regions: ["ap"] },
  { region: null },
  { region: "" },
  { region: "AP" },
  { region: "ap " },
  { region: "-ap" },
  { region: "ap@log" },
  { region: "a".repeat(17) },
  { region: 7 },
];
