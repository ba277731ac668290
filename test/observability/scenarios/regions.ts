/** Faults of regions, their links and their processes. */
import { EU, EU_0, P0, type AlertScenario } from "./scenario.ts";

/** An hour and more. */
const HOUR = 260;

export const REGIONS: readonly AlertScenario[] = [
  {
    alert: "RegionSilent",
    fault: "the region's only process is gone",
    series: [['up{job="forebay",region="eu",instance="eu:1"}', "1x40", "1x4 0x36"]],
    at: "2m",
    notYetAt: "1m",
    labels: { region: "eu", severity: "risk", cause: "scrape" },
    summary: "No process of region eu answers Prometheus",
  },
  {
    alert: "RegionSilent",
    fault: "the region is cut off: nobody hears its ticks",
    series: [
      [`forebay_peer_silence_seconds{region="eu",${P0},peer="ap"}`, "40x40", "0+15x40"],
      [`forebay_peer_silence_seconds{region="us",${P0},peer="ap"}`, "1x40", "0+15x40"],
    ],
    at: "2m",
    labels: { region: "ap", peer: "ap", partition: "0", severity: "risk", cause: "ticks" },
    summary: "Region ap has said nothing through the log of partition 0 for 2m 0s",
  },
  {
    alert: "LinkCut",
    fault: "the link between two regions is cut",
    series: [[`forebay_route_up{${EU},peer="us"}`, "1x40", "1x4 0x36"]],
    at: "2m",
    notYetAt: "1m",
    labels: { region: "eu", peer: "us", severity: "risk" },
    summary: "The nats-server of region eu has no way to that of us",
  },
  {
    alert: "RegionDrained",
    fault: "somebody forgot to undrain",
    series: [[`forebay_region_draining{${EU}}`, `0x${HOUR}`, `1x${HOUR}`]],
    at: "62m",
    notYetAt: "30m",
    labels: { region: "eu", severity: "note" },
    summary: "Region eu has been drained for an hour: was it forgotten?",
  },
  {
    alert: "MemberAway",
    fault: "a region has been off for longer than is waited for",
    series: [[`forebay_member_away{${EU_0},peer="ap"}`, "0x40", "1x40"]],
    at: "2m",
    notYetAt: "30s",
    labels: { peer: "ap", partition: "0", severity: "risk" },
    summary: "Region ap was away for too long: nothing of partition 0 is kept for it any more",
  },
  {
    alert: "ClockOffset",
    fault: "a region's clock runs ahead; another's ticks are only late",
    series: [
      [`forebay_clock_offset_seconds{${EU},peer="us"}`, "-3x40", "0.4x40"],
      [`forebay_clock_offset_seconds{${EU},peer="ap"}`, "-0.1x40", "-9x40"],
    ],
    at: "2m",
    notYetAt: "30s",
    labels: { region: "eu", peer: "us", severity: "risk" },
    summary: "The clock of region us is 400ms ahead of that of eu",
  },
  {
    alert: "ClockSkew",
    fault: "a process's clock is an hour behind",
    series: [
      [`forebay_clock_skew_seconds{${EU},instance="eu:1"}`, "0x40", "-3600x40"],
      [`forebay_clock_skew_seconds{${EU},instance="eu:2"}`, "0x40", "0x40"],
    ],
    at: "2m",
    notYetAt: "15s",
    labels: { region: "eu", instance: "eu:1", severity: "hurt" },
    summary: "The clock of process eu:1 of region eu is 1h 0m 0s off: it takes no last-write-wins writes",
  },
  {
    alert: "ProcessOverloaded",
    fault: "the event loop is half a second late",
    series: [[`forebay_event_loop_delay_seconds{${EU},instance="eu:1"}`, "0.01x40", "0.5x40"]],
    at: "3m",
    notYetAt: "30s",
    labels: { region: "eu", instance: "eu:1", severity: "risk", cause: "event-loop" },
    summary: "Process eu:1 of region eu is 500ms late with everything",
  },
  {
    alert: "ProcessOverloaded",
    fault: "memory runs short",
    series: [
      [`process_resident_memory_bytes{${EU},instance="eu:1"}`, "500x40", "900x40"],
      [`forebay_memory_bytes_max{${EU},instance="eu:1"}`, "1000x40", "1000x40"],
    ],
    at: "4m",
    notYetAt: "1m",
    labels: { region: "eu", instance: "eu:1", severity: "risk", cause: "memory" },
    summary: "Process eu:1 of region eu holds 90% of the memory that it may",
  },
];
