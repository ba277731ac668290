/** `forebay chaos run`: a scenario from a file, and what came of it. */
import type { Command } from "commander";

export function addRunCommand(_chaos: Command, _decorate: (command: Command) => Command): void {}
