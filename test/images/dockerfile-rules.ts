/** What an image of ours must be like, read from its Dockerfile. */
import { validate } from "dockerfile-utils";
import { parseImageFile, settingOf, type Stage } from "../../infra/images/dockerfile.ts";
import { REGION_NODE_OPTIONS } from "../../services/runtime/node-options.ts";

const SECRET_NAME = /(PASSWORD|SECRET|TOKEN|PRIVATE|API_?KEY|CREDENTIAL)(?!\w*_FILE)/i;
const EXACT_TAG = /:v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$/;
const NUMERIC_USER = /^([1-9]\d*):([1-9]\d*)$/;
const LABELS = ["title", "description", "licenses", "version", "revision"];

/** @param version of the package. @returns one sentence each; none where all is well. */
export function dockerfileProblems(text: string, version: string): readonly string[] {
  const { globals, stages } = parseImageFile(text);
  const last = stages.at(-1)!;
  const names = new Set(stages.map(({ name }) => name));
  const resolved = (image: string) =>
    image.replace(/^\$\{(\w+)\}$/, (_, name: string) => globals.get(name) ?? "");
  return [
    ...validate(text).map(({ message, range }) => `line ${range.start.line + 1}: ${JSON.stringify(message)}`),
    ...stages
      .map(({ image }) => resolved(image))
      .filter((image) => image !== "scratch" && !names.has(image) && !EXACT_TAG.test(image))
      .map((image) => `FROM ${image} is pinned to no exact tag`),
    ...stages.flatMap(secretProblems),
    ...stages.flatMap(installProblems),
    ...lastProblems(last, version),
  ];
}

function secretProblems({ steps }: Stage): string[] {
  return steps.flatMap((step) =>
    step.kind === "other" && /^(ENV|ARG)$/.test(step.keyword) && SECRET_NAME.test(step.text)
      ? [`${step.keyword} ${step.text.split("=")[0]} looks like a secret, which images must not hold`]
      : [],
  );
}

function installProblems({ name, steps }: Stage): string[] {
  const commands = steps.flatMap((step) => (step.kind === "run" ? [step.command] : []));
  const installs = commands.filter((command) => /npm (ci|i|install)\b/.test(command));
  return [
    ...installs
      .filter((command) => !/npm ci\b.*--ignore-scripts/.test(command))
      .map((command) => `RUN ${command}: use npm ci --ignore-scripts`),
    ...(name === "production" && !installs.some((command) => /--omit=dev --omit=optional/.test(command))
      ? ["the production stage installs development packages"]
      : []),
    ...(name === "production" && !commands.some((command) => /npm sbom --sbom-format=cyclonedx/.test(command))
      ? ["the production stage makes no SBOM"]
      : []),
  ];
}

function lastProblems(last: Stage, version: string): string[] {
  const of = (keyword: string) => settingOf(last, keyword);
  const labels = of("LABEL") ?? "";
  const problems: [boolean, string][] = [
    [
      last.image === "scratch",
      "the last stage is not made from scratch: it has a shell and a package manager",
    ],
    [
      NUMERIC_USER.test(of("USER") ?? ""),
      `USER is ${of("USER") ?? "not set"}; it must be numbers above 0, as in 1000:1000`,
    ],
    [/\bCMD \["/.test(of("HEALTHCHECK") ?? ""), "HEALTHCHECK is missing, or needs a shell"],
    [
      of("ENTRYPOINT")?.startsWith('["') === true,
      "ENTRYPOINT needs a shell, which would keep SIGTERM from node",
    ],
    [of("CMD")?.startsWith('["') === true, "CMD needs a shell, which would keep SIGTERM from node"],
    [
      REGION_NODE_OPTIONS.every((option) => of("CMD")?.includes(`"${option}", `)),
      `CMD starts node without ${REGION_NODE_OPTIONS.join(" ")}`,
    ],
    [
      labels.includes(`image.version="${version}"`),
      `LABEL version is not ${version}, which package.json says`,
    ],
    ...LABELS.map((label): [boolean, string] => [
      labels.includes(`org.opencontainers.image.${label}=`),
      `LABEL org.opencontainers.image.${label} is missing`,
    ]),
  ];
  return problems.filter(([isRight]) => !isRight).map(([, problem]) => problem);
}
