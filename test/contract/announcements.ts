/** What announcements have to keep to: declared once, run against each implementation. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ANNOUNCEMENT_BYTES_MAX, type Announcements } from "../../services/ports/announcements.ts";

/** Calm regions: nothing is lost between them, and time passes by itself. */
export interface AnnouncementsBed {
  /** At least two. */
  readonly regions: readonly string[];
  /** Of a region's first process; connected. */
  bus(region: string): Announcements;
  /** One more process of a region, that is not connected yet. */
  startProcess(region: string): { readonly bus: Announcements; readonly connect: () => Promise<void> };
  /** Lets time pass. */
  pause(durationMs: number): Promise<void>;
  close(): Promise<void>;
}

const PAUSE_MS = 20;
const TRIES_MAX = 300;
const PROBE = "probe";

/** What one process hears. */
class Ear {
  readonly heard: string[] = [];
  probes = 0;
  readonly end: () => void;

  constructor(bus: Announcements, topic: string) {
    this.end = bus.listen(topic, (region, data) => {
      const text = Buffer.from(data).toString();
      if (text === PROBE) this.probes += 1;
      else this.heard.push(`${text} from ${region}`);
    });
  }
}

export function announcementsContract(name: string, open: () => Promise<AnnouncementsBed>): void {
  describe(`announcements: ${name}`, () => {
    let bed: AnnouncementsBed;
    /** Each test's own. */
    let topic: string;
    let topics = 0;

    beforeAll(async () => {
      bed = await open();
    }, 60_000);
    beforeEach(() => {
      topic = `topic-${(topics += 1)}`;
    });
    afterAll(async () => {
      await bed.close();
    }, 30_000);

    const until = async (what: string, isSo: () => boolean, again = () => undefined as unknown) => {
      for (let tries = 0; !isSo(); tries += 1) {
        if (tries === TRIES_MAX) throw new Error(`never: ${what}`);
        again();
        await bed.pause(PAUSE_MS);
      }
    };
    /** Word of who listens takes a moment to get around. */
    const untilHears = (ear: Ear, from: Announcements) => {
      const before = ear.probes;
      return until(
        "probes are heard",
        () => ear.probes > before,
        () => from.announce(topic, Buffer.from(PROBE)),
      );
    };
    const say = (from: Announcements, text: string) => from.announce(topic, Buffer.from(text));

    it("reaches every region, the own one too, and says from which region it is", async () => {
      const ears = bed.regions.map((region) => new Ear(bed.bus(region), topic));
      for (const ear of ears) for (const region of bed.regions) await untilHears(ear, bed.bus(region));
      for (const region of bed.regions) expect(say(bed.bus(region), "news")).toBe(true);
      const all = bed.regions.map((region) => `news from ${region}`).toSorted();
      for (const ear of ears) {
        await until("all are heard", () => ear.heard.length >= all.length);
        expect(ear.heard.toSorted()).toEqual(all);
      }
    });

    it("reaches each process of a region by itself", async () => {
      const [here, there] = [bed.regions[0]!, bed.regions[1]!];
      const other = bed.startProcess(there);
      await other.connect();
      const ears = [new Ear(bed.bus(there), topic), new Ear(other.bus, topic)];
      for (const ear of ears) await untilHears(ear, bed.bus(here));
      say(bed.bus(here), "news");
      for (const ear of ears) await until("it is heard", () => ear.heard.length > 0);
      expect(ears.map(({ heard }) => heard)).toEqual([[`news from ${here}`], [`news from ${here}`]]);
    });

    it("keeps topics apart, and hears nothing once it is ended", async () => {
      const [here, there] = [bed.bus(bed.regions[0]!), bed.bus(bed.regions[1]!)];
      const [ear, ended] = [new Ear(there, topic), new Ear(there, topic)];
      await untilHears(ear, here);
      ended.end();
      ended.end();
      here.announce(`${topic}-other`, Buffer.from("of another topic"));
      say(here, "news");
      await until("it is heard", () => ear.heard.length > 0);
      await untilHears(ear, here);
      expect(ear.heard).toEqual([`news from ${bed.regions[0]!}`]);
      expect(ended.heard).toEqual([]);
    });

    it("hears, once it is connected, what it listened for before; until then it tells nobody", async () => {
      const [here, there] = [bed.regions[0]!, bed.regions[1]!];
      const late = bed.startProcess(there);
      const [ear, lateEar] = [new Ear(bed.bus(here), topic), new Ear(late.bus, topic)];
      await untilHears(ear, bed.bus(here));
      expect(say(late.bus, "too early")).toBe(false);
      await late.connect();
      await untilHears(lateEar, bed.bus(here));
      await untilHears(ear, late.bus);
      expect(ear.heard).toEqual([]);
    });

    it("goes on hearing where the handler has thrown", async () => {
      const [here, there] = [bed.bus(bed.regions[0]!), bed.bus(bed.regions[1]!)];
      const throwing = there.listen(topic, () => {
        throw new Error("as it was asked to");
      });
      const ear = new Ear(there, topic);
      await untilHears(ear, here);
      await untilHears(ear, here);
      throwing();
    });

    it("carries any bytes up to the bound unchanged, and tells of nothing larger", async () => {
      const [here, there] = [bed.bus(bed.regions[0]!), bed.bus(bed.regions[1]!)];
      const received: Buffer[] = [];
      const ear = new Ear(there, topic);
      there.listen(topic, (_, data) => {
        if (Buffer.from(data).toString() !== PROBE) received.push(Buffer.from(data));
      });
      await untilHears(ear, here);
      const texts = [
        Buffer.alloc(0),
        Buffer.from("\r\nMSG a 1 2\r\n\0"),
        Buffer.alloc(ANNOUNCEMENT_BYTES_MAX, "x"),
      ];
      expect(here.announce(topic, Buffer.alloc(ANNOUNCEMENT_BYTES_MAX + 1))).toBe(false);
      for (const text of texts) expect(here.announce(topic, text)).toBe(true);
      await until("all are heard", () => received.length >= texts.length);
      expect(received).toHaveLength(texts.length);
      expect(texts.every((text) => received.some((one) => one.equals(text)))).toBe(true);
    });
  });
}
