/** What charts are made of: operations that were folded, also where a WAL begins a new run of its sequences. */
import { expect, it } from "vitest";
import { Sampler } from "../../../services/console/samples.ts";
import { OutcomeTotals } from "../../../services/console/view/outcome-totals.ts";
import { partitionReport, Reporting, type Tell } from "./reports.ts";

const RUN = 2 ** 32;

it("counts what was folded by origin, and nothing that lies between two runs", () => {
  const cluster = new Reporting("eu");
  const sampler = new Sampler();
  const rate = (sequence: number, more: { readonly [origin: string]: number } = {}) => {
    const watermarks = { ...partitionReport().watermarks, us: sequence, ...more };
    const tell: Tell = { us: { partition: { watermarks } } };
    cluster.second(tell);
    const samples = sampler.take(cluster.situation, new OutcomeTotals());
    return samples.find(({ name, region }) => name === "fold_per_second" && region === "us")?.value;
  };
  expect(rate(100)).toBeUndefined();
  expect(rate(130)).toBe(30);
  expect(rate(RUN + 7)).toBe(7);
  // An origin that is new here has folded what it has before.
  expect(rate(RUN + 7, { sa: RUN })).toBe(0);
  expect(rate(RUN + 9, { sa: RUN + 1 })).toBe(3);
});
