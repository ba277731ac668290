/** Which way imports point. The architecture in services/README.md, as a check. */
const roles = "gateway|relay|applier|placement|reconciler|bootstrap|console";

/** What a folder of services may import besides itself. */
const allowed = {
  core: [],
  protocol: ["core"],
  ports: ["core", "protocol"],
  runtime: ["core", "protocol", "ports"],
  adapters: ["core", "protocol", "ports", "runtime"],
  client: ["protocol"],
};

const rules = Object.entries(allowed).map(([folder, imports]) => ({
  name: `${folder}-imports-only-${imports.join("-") || "itself"}`,
  severity: "error",
  from: { path: `^services/${folder}/` },
  to: { path: "^(services|infra|test)/", pathNot: `^services/(${[folder, ...imports].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: "roles-know-neither-each-other-nor-adapters",
      severity: "error",
      from: { path: `^services/(${roles})/` },
      to: { path: "^(services|infra|test)/", pathNot: "^services/($1|core|protocol|ports|runtime)/" },
    },
    {
      name: "the-page-knows-types-of-the-protocol-and-nothing-else",
      severity: "error",
      from: { path: "^services/console/page/" },
      to: { path: "^(services|infra|test)/", pathNot: "^services/(console/page|protocol)/" },
    },
    {
      name: "the-page-takes-no-code-from-the-protocol",
      comment: "it would carry validators and the core into the browser",
      severity: "error",
      from: { path: "^services/console/page/" },
      to: { path: "^services/protocol/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "the-page-runs-in-browsers-alone",
      severity: "error",
      from: { pathNot: "^(services/console/page|test)/" },
      to: { path: "^services/console/page/" },
    },
    {
      name: "the-client-takes-no-code-from-the-protocol",
      comment: "apps would get validators and the core with it",
      severity: "error",
      from: { path: "^services/client/" },
      to: { path: "^services/protocol/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "the-client-depends-on-nothing",
      comment: "it runs in browsers as it is; only its examples are of Node.js",
      severity: "error",
      from: { path: "^services/client/", pathNot: "^services/client/examples/" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-no-pkg", "unknown"] },
    },
    {
      name: "the-examples-are-apps",
      comment: "they use what every app can use",
      severity: "error",
      from: { path: "^services/client/examples/" },
      to: { path: "^services/", pathNot: "^services/client/(examples/|index\\.ts$)" },
    },
    {
      name: "core-imports-nothing-but-itself",
      comment: "SHA-256 in core/hash.ts is the one exception: a pure function",
      severity: "error",
      from: { path: "^services/core/", pathNot: "^services/core/hash\\.ts$" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-no-pkg", "unknown"] },
    },
    {
      name: "region-is-imported-by-nobody",
      severity: "error",
      from: { pathNot: "^(services/region|test)/" },
      to: { path: "^services/region/" },
    },
    {
      name: "services-know-infra-through-the-command-line-only",
      severity: "error",
      from: { path: "^services/", pathNot: "^services/cli/" },
      to: { path: "^infra/" },
    },
    {
      name: "nothing-imports-tests",
      severity: "error",
      from: { path: "^(services|infra)/" },
      to: { path: "^test/" },
    },
    {
      name: "no-circles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-development-packages-in-production",
      severity: "error",
      comment: "the page's packages are built into it",
      from: {
        path: "^(services|infra)/",
        pathNot: "drizzle\\.config\\.ts$|^services/console/page/|^infra/(build|images|release)/",
      },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|node_modules)" },
    enhancedResolveOptions: {
      extensions: [".ts", ".tsx", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
