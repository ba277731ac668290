/** What commands for a running cluster have in common. */
import type { Command } from "commander";
import { describe, expect, it, vi } from "vitest";
import { createProgram } from "../../../services/cli/program.ts";
import { cliBed } from "./bed.ts";

const bed = cliBed((rig) => {
  rig.gateway.members = { partition: 0, members: [], departed: [] };
});

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

describe("commands that ask a region", () => {
  it("take the credential to come with", () => {
    const asking = commandsOf(createProgram("0")).filter(({ options }) =>
      options.some(({ long, description }) => long === "--url" && !description.startsWith("refused")),
    );
    expect(asking.length).toBeGreaterThan(35);
    const without = asking.filter(({ options }) => !options.some(({ long }) => long === "--api-key"));
    expect(without.map((command) => `${command.parent?.name()} ${command.name()}`)).toEqual([]);
  });

  it.each([["region list"], ["region add sa --no-wait"], ["region undrain eu"], ["log-level"]])(
    "come with it: %s",
    async (line) => {
      const sent = vi.spyOn(globalThis, "fetch");
      await bed.run(...line.split(" "), "--api-key", "mine");
      expect(sent).toHaveBeenCalled();
      for (const [, request] of sent.mock.calls)
        expect(request?.headers).toMatchObject({ authorization: "Bearer mine" });
    },
  );

  it("make keys that hold for days, as the help has it", async () => {
    const sent = vi.spyOn(globalThis, "fetch");
    await bed.run("key", "create", "reports", "--scope", "read:", "--expires", "90d");
    const { expires_at_ms: endMs } = JSON.parse(sent.mock.calls[0]![1]!.body as string) as {
      expires_at_ms: number;
    };
    expect(Math.abs(endMs - Date.now() - 90 * 86_400_000)).toBeLessThan(60_000);
  });
});
