/** A Dockerfile as stages of steps, for whoever lints it or does the same without an engine. */
import { DockerfileParser, type Copy, type From, type Instruction } from "dockerfile-ast";

export type Step =
  | { readonly kind: "workdir"; readonly path: string }
  | {
      readonly kind: "copy";
      readonly from: string | undefined;
      readonly sources: readonly string[];
      readonly target: string;
    }
  | { readonly kind: "run"; readonly command: string }
  | { readonly kind: "other"; readonly keyword: string; readonly text: string };

export interface Stage {
  readonly name: string | undefined;
  /** With variables as they stand there. */
  readonly image: string;
  readonly steps: readonly Step[];
}

export interface ImageFile {
  /** Variables that stand before the first stage, with their defaults. */
  readonly globals: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

/** @throws {Error} where an instruction can't be read. */
export function parseImageFile(text: string): ImageFile {
  const instructions = DockerfileParser.parse(text).getInstructions();
  const first = instructions.findIndex((instruction) => instruction.getKeyword() === "FROM");
  if (first === -1) throw new Error("the Dockerfile has no FROM");
  const globals = instructions.slice(0, first).map((instruction) => textOf(instruction).split("="));
  const stages: { name: string | undefined; image: string; steps: Step[] }[] = [];
  for (const instruction of instructions.slice(first)) {
    if (instruction.getKeyword() === "FROM") {
      const from = instruction as From;
      stages.push({ name: from.getBuildStage() ?? undefined, image: from.getImage() ?? "", steps: [] });
    } else stages.at(-1)!.steps.push(stepOf(instruction));
  }
  return { globals: new Map(globals.map(([name = "", ...value]) => [name, value.join("=")])), stages };
}

/** The values of the last instruction of that name in a stage, as one text. */
export function settingOf(stage: Stage, keyword: string): string | undefined {
  const found = stage.steps.findLast((step) => step.kind === "other" && step.keyword === keyword);
  return found?.kind === "other" ? found.text : undefined;
}

function stepOf(instruction: Instruction): Step {
  const keyword = instruction.getKeyword();
  switch (keyword) {
    case "WORKDIR":
      return { kind: "workdir", path: textOf(instruction) };
    case "RUN":
      return { kind: "run", command: textOf(instruction) };
    case "COPY": {
      const copy = instruction as Copy;
      const paths = copy.getArguments().map((argument) => argument.getValue());
      const flag = copy.getFromFlag();
      return {
        kind: "copy",
        from: flag?.getValue() ?? undefined,
        sources: paths.slice(0, -1),
        target: paths.at(-1)!,
      };
    }
    default:
      return { kind: "other", keyword, text: textOf(instruction) };
  }
}

/** What stands after the keyword, on one line. */
function textOf(instruction: Instruction): string {
  return (instruction.getArgumentsContent() ?? "").replaceAll(/\\\n\s*/g, " ").trim();
}
