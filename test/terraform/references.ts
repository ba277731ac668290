/** Whether every name in the Terraform tree means something, and everything that has a name is meant by somebody. */
import { dirname, join } from "node:path/posix";
import { flatten, textsIn, type Blocks, type Body, type Module, type Texts } from "./tree.ts";

/** What a module declares, by the address under which it is referred to: `var.name`, `local.name`, `aws_vpc.this`. */
type Declared = ReadonlyMap<string, { readonly path: string; readonly body: Body }>;

/** Arguments of a module call that are Terraform's own. */
const META_ARGUMENTS = ["source", "version", "for_each", "count", "providers", "depends_on"];
/** Heads of addresses that need no declaration. */
const PREFIX = "(?<![\\w.$-])";
const SIMPLE = new RegExp(`${PREFIX}(var|local)\\.(\\w+)`, "g");
const OBJECTS = new RegExp(`${PREFIX}(data\\.|ephemeral\\.)?((?:aws|random|terraform)_\\w+)\\.(\\w+)`, "g");
const MODULES = new RegExp(`${PREFIX}module\\.(\\w+)`, "g");

/** What is wrong, as sentences; empty when nothing is. */
export function findReferenceProblems(modules: readonly Module[], texts: Texts): readonly string[] {
  const known = new Map(modules.map((module) => [module.folder, module]));
  return [
    ...modules.flatMap((module) => [
      ...unresolved(module),
      ...unused(module),
      ...calls(module, known),
      ...templates(module, texts),
    ]),
    ...unusedOutputs(modules),
  ];
}

function declarations({ files }: Module): Declared {
  const declared = new Map<string, { path: string; body: Body }>();
  for (const { path, blocks } of files) {
    for (const [name, bodies] of Object.entries(blocks.variable ?? {}))
      declared.set(`var.${name}`, { path, body: bodies[0] ?? {} });
    for (const [name, bodies] of Object.entries(blocks.module ?? {}))
      declared.set(`module.${name}`, { path, body: bodies[0] ?? {} });
    for (const [name, value] of (blocks.locals ?? []).flatMap((locals) => Object.entries(locals)))
      declared.set(`local.${name}`, { path, body: { value } });
    for (const [prefix, kind] of [
      ["", "resource"],
      ["data.", "data"],
      ["ephemeral.", "ephemeral"],
    ] as const)
      for (const { type, name, body } of flatten(blocks[kind], path))
        declared.set(`${prefix}${type}.${name}`, { path, body });
  }
  return declared;
}

/** Addresses that the expressions of some blocks name. */
function addressesIn(value: unknown): readonly string[] {
  return textsIn(value)
    .filter((text) => text.includes("${"))
    .map(withoutComments)
    .flatMap((text) => [
      ...[...text.matchAll(SIMPLE)].map(([, kind, name]) => `${kind}.${name}`),
      ...[...text.matchAll(OBJECTS)].map(([, kind = "", type, name]) => `${kind}${type}.${name}`),
      ...[...text.matchAll(MODULES)].map(([, name]) => `module.${name}`),
    ]);
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(#|\/\/).*$/gm, "");
}

function unresolved(module: Module): readonly string[] {
  const declared = declarations(module);
  return module.files.flatMap(({ path, blocks }) =>
    [...new Set(addressesIn(blocks))]
      .filter((address) => !declared.has(address))
      .map((address) => `${path}: there is no ${address}`),
  );
}

/** Resources need nobody who names them; what is only computed does. */
function unused(module: Module): readonly string[] {
  const all = new Set(module.files.flatMap(({ blocks }) => usesIn(blocks)));
  return [...declarations(module)]
    .filter(([address]) => /^(var|local|data|ephemeral)\./.test(address) && !all.has(address))
    .map(([address, { path }]) => `${path}: nobody uses ${address}`);
}

/** A variable's own validation is no use of it. */
function usesIn(blocks: Blocks): readonly string[] {
  const { variable = {}, ...rest } = blocks;
  const ofVariables = Object.entries(variable).flatMap(([name, bodies]) =>
    addressesIn(bodies).filter((address) => address !== `var.${name}`),
  );
  return [...ofVariables, ...addressesIn(rest)];
}

function calls(module: Module, known: ReadonlyMap<string, Module>): readonly string[] {
  return module.files.flatMap(({ path, blocks }) =>
    Object.entries(blocks.module ?? {}).flatMap(([name, bodies]) =>
      bodies.flatMap((body) => callProblems(body, known, { path, name })),
    ),
  );
}

function callProblems(
  body: Body,
  known: ReadonlyMap<string, Module>,
  { path, name }: { readonly path: string; readonly name: string },
): readonly string[] {
  const called = known.get(join(dirname(path), String(body["source"])));
  if (called === undefined) return [`${path}: module ${name} has no source at ${String(body["source"])}`];
  const variables = variablesOf(called);
  const given = Object.keys(body).filter((argument) => !META_ARGUMENTS.includes(argument));
  return [
    ...given.filter((one) => !variables.has(one)).map((one) => `${path}: module ${name} takes no ${one}`),
    ...[...variables]
      .filter(([one, { default: otherwise }]) => otherwise === undefined && !given.includes(one))
      .map(([one]) => `${path}: module ${name} is not given ${one}`),
  ];
}

function variablesOf({ files }: Module): ReadonlyMap<string, Body> {
  return new Map(
    files.flatMap(({ blocks }) =>
      Object.entries(blocks.variable ?? {}).map(([name, bodies]) => [name, bodies[0] ?? {}] as const),
    ),
  );
}

/** Outputs of modules that a caller names and that are not there, and those that no caller names. */
function unusedOutputs(modules: readonly Module[]): readonly string[] {
  const used = new Set<string>();
  const problems: string[] = [];
  for (const module of modules) {
    for (const { path, blocks } of module.files) {
      for (const { name, output } of outputsNamed(blocks)) {
        const source = sourceOf(module, name);
        const called = modules.find(({ folder }) => folder === source);
        if (called === undefined) continue;
        if (output === undefined) for (const one of outputsOf(called)) used.add(`${source}.${one}`);
        else if (outputsOf(called).includes(output)) used.add(`${source}.${output}`);
        else problems.push(`${path}: module ${name} has no output ${output}`);
      }
    }
  }
  const idle = modules
    .filter(({ folder }) => folder.startsWith("modules/"))
    .flatMap((module) => outputsOf(module).map((output) => ({ folder: module.folder, output })))
    .filter(({ folder, output }) => !used.has(`${folder}.${output}`));
  return [...problems, ...idle.map(({ folder, output }) => `${folder}: nobody uses output ${output}`)];
}

function outputsOf({ files }: Module): readonly string[] {
  return files.flatMap(({ blocks }) => Object.keys(blocks.output ?? {}));
}

function sourceOf({ folder, files }: Module, name: string): string {
  const body = files.flatMap(({ blocks }) => blocks.module?.[name] ?? [])[0];
  return join(folder, String(body?.["source"]));
}

/** `module.name.output`, also behind an index; the output is undefined where the whole module is named. */
function outputsNamed(
  blocks: Blocks,
): readonly { readonly name: string; readonly output: string | undefined }[] {
  return textsIn(blocks)
    .filter((text) => text.includes("${"))
    .flatMap((text) =>
      [...withoutComments(text).matchAll(MODULES)].map((match) => ({
        name: match[1] ?? "",
        output: /^\.(\w+)/.exec(afterIndex(text, match))?.[1],
      })),
    );
}

/** What stands behind the address, past one index in brackets. */
function afterIndex(text: string, match: RegExpExecArray): string {
  const rest = withoutComments(text).slice(match.index + match[0].length);
  if (!rest.startsWith("[")) return rest;
  let depth = 0;
  for (let position = 0; position < rest.length; position += 1) {
    if (rest[position] === "[") depth += 1;
    if (rest[position] === "]") depth -= 1;
    if (depth === 0) return rest.slice(position + 1);
  }
  return "";
}

/** Names in a template that it is not given, and those that it is given for nothing. */
function templates({ folder, files }: Module, texts: Texts): readonly string[] {
  return files.flatMap(({ path, blocks }) =>
    textsIn(blocks).flatMap((text) =>
      [...text.matchAll(/templatefile\("\$\{path\.module\}\/([\w.-]+)", \{([^]*?)\n\s*\}\)/g)].flatMap(
        ([, file = "", argumentText = ""]) => {
          const template = texts.get(join(folder, file));
          if (template === undefined) return [`${path}: there is no template ${file}`];
          const given = topLevelKeys(argumentText);
          const named = namesInTemplate(template);
          return [
            ...named
              .filter((name) => !given.includes(name))
              .map((name) => `${folder}/${file}: is not given ${name}`),
            ...given
              .filter((name) => !named.includes(name))
              .map((name) => `${folder}/${file}: does not use ${name}`),
          ];
        },
      ),
    ),
  );
}

/** The keys of an object that lie least deep. */
function topLevelKeys(text: string): readonly string[] {
  const keys = [...text.matchAll(/^( *)(\w+) +?= /gm)];
  const depth = Math.min(...keys.map(([, indent = ""]) => indent.length));
  return keys.filter(([, indent = ""]) => indent.length === depth).map(([, , key = ""]) => key);
}

const TEMPLATE_WORDS = new Set(["for", "in", "endfor", "if", "else", "endif"]);

function namesInTemplate(text: string): readonly string[] {
  const bound = new Set(
    [...text.matchAll(/%\{ for ([\w, ]+) in /g)].flatMap(([, names = ""]) => names.split(", ")),
  );
  const codes = [...text.matchAll(/[$%]\{(.*?)\}/g)].map(([, code = ""]) => code.replaceAll(/"[^"]*"/g, ""));
  const names = codes.flatMap((code) =>
    [...code.matchAll(/(?<![\w.])([a-z_]\w*)(?!\w*\()/g)].map(([, name = ""]) => name),
  );
  return [...new Set(names)].filter((name) => !bound.has(name) && !TEMPLATE_WORDS.has(name));
}
