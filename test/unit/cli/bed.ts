/** A bed for commands: the real HTTP server with a stub behind it, and what the commands print. */
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { createProgram } from "../../../services/cli/program.ts";
import { buildRig, type Rig } from "../gateway-http/rig.ts";

export class CliBed {
  rig!: Rig;
  url = "";
  /** Since the test began, on standard output and on standard error. */
  printed = "";
  warned = "";

  /** Runs a command against the server. @returns all that was printed. */
  async run(...words: readonly string[]): Promise<string> {
    await createProgram("0").parseAsync(["node", "forebay", ...words, "--url", this.url]);
    return this.printed;
  }
}

/** Of the test file that calls it. @param reset called before each test. */
export function cliBed(reset: (rig: Rig) => void): CliBed {
  const bed = new CliBed();
  beforeAll(async () => {
    bed.rig = await buildRig();
    bed.url = `http://127.0.0.1:${await bed.rig.server.listen({ host: "127.0.0.1", port: 0 })}`;
  });
  afterAll(() => bed.rig.server.close(100));
  beforeEach(() => {
    bed.printed = "";
    bed.warned = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      bed.printed += text.toString();
      return true;
    });
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      bed.warned += text.toString();
      return true;
    });
    reset(bed.rig);
  });
  afterEach(() => vi.restoreAllMocks());
  return bed;
}
