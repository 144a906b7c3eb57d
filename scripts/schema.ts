// Writes schema/twotier.schema.json and docs/configuration.md from src/config/schema.ts and describe.ts.
// node scripts/schema.ts [--check]
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { toJSONSchema } from "zod/mini";
import { type Description, descriptions } from "../src/config/describe.ts";
import { configSchema } from "../src/config/schema.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

type Json = {
  [key: string]: unknown;
  properties?: Record<string, Json>;
  items?: Json;
  additionalProperties?: Json | false;
};

/** Both files by their paths; keys of the schema that nobody described, and descriptions of keys that aren't there. */
export function generate(): { files: Map<string, string>; undescribed: string[]; unknown: string[] } {
  const schema = toJSONSchema(configSchema, { target: "draft-7", io: "input" }) as unknown as Json;
  const used = new Set<string>();
  const undescribed: string[] = [];
  annotate(schema, "", (key) => {
    if (descriptions[key]) used.add(key);
    else undescribed.push(key);
    return descriptions[key];
  });
  const title = {
    $schema: schema.$schema,
    $id: "https://unpkg.com/twotier/schema/twotier.schema.json",
    title: "twotier.yaml",
    description: "What a repository releases in two tiers, and where it goes.",
  };
  return {
    files: new Map([
      ["schema/twotier.schema.json", `${JSON.stringify({ ...title, ...schema }, null, 2)}\n`],
      ["docs/configuration.md", page()],
    ]),
    undescribed,
    unknown: Object.keys(descriptions).filter((key) => !used.has(key)),
  };
}

/** Puts descriptions and examples into a JSON Schema, key by key. */
function annotate(node: Json, at: string, describe: (key: string) => Description | undefined): void {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const key = at === "" ? name : `${at}.${name}`;
    const shared = key.replace(/^artifacts\[\]\.[\w-]+\.(type|name|dir|smoke)$/, "artifacts[].$1");
    put(child, describe(shared));
    annotate(child, key, describe);
  }
  if (node.items) annotate(node.items, `${at}[]`, describe);
  if (typeof node.additionalProperties === "object" && !at.endsWith(".env")) {
    put(node.additionalProperties, describe(`${at}.*`));
  }
  for (const branch of [...((node.anyOf as Json[]) ?? []), ...((node.oneOf as Json[]) ?? [])]) {
    const type = branch.properties?.type?.const;
    const key = at === "artifacts[]" && typeof type === "string" ? `${at}.${type}` : at;
    if (key !== at) put(branch, describe(key));
    annotate(branch, key, describe);
  }
}

function put(node: Json, description: Description | undefined): void {
  if (!description) return;
  const { about, example, otherwise } = description;
  node.description = otherwise === undefined ? about : `${about} Default: ${otherwise}.`;
  if (example !== undefined) node.examples = [example];
}

/** Sections of the page: a title, the keys it holds, and the one that its first sentence comes from. */
const sections: { title: string; root?: string; holds: (key: string) => boolean }[] = [
  { title: "Top level", holds: (key) => /^(?:schema|name|repository|checks)$/.test(key) },
  ...["trigger", "version", "tiers"].map((root) => ({ title: `\`${root}\``, root, holds: within(root) })),
  {
    title: "`artifacts`",
    root: "artifacts",
    holds: (key) => /^artifacts(?:\[\]\.(?:type|name|dir|smoke))?$/.test(key),
  },
  ...["go", "python", "npm", "image", "go-module", "command"].map((type) => {
    const root = `artifacts[].${type}`;
    return { title: `Artifacts of type \`${type}\``, root, holds: within(root) };
  }),
  { title: "`targets`", root: "targets", holds: (key) => key === "targets" },
  ...["npm", "pypi", "docker", "github", "go", "site"].map((target) => {
    const root = `targets.${target}`;
    return { title: `\`${root}\``, root, holds: within(root) };
  }),
  ...["installer", "notify"].map((root) => ({ title: `\`${root}\``, root, holds: within(root) })),
];

function within(root: string): (key: string) => boolean {
  return (key) => key === root || key.startsWith(`${root}.`) || key.startsWith(`${root}[]`);
}

function page(): string {
  const lines = [
    "<!-- Written by `npm run schema` from src/config/describe.ts. Edit that file. -->",
    "# twotier.yaml",
    "",
    "The configuration of a release is the file `twotier.yaml` at the root of the source commit. Only `name` and `repository` are",
    "required: without `artifacts` they are detected, and without `targets` a release is a GitHub release. A misspelt key, a path or",
    "a glob that matches nothing, a contradiction: all of them are reported at once, each with file, line and remedy, before",
    "anything is written. The environment only redirects (registries, credentials); see each target's page.",
    "",
    "Editors that know JSON Schema complete and check the file with this line at its top (the file is in the npm package):",
    "",
    "```yaml",
    "# yaml-language-server: $schema=https://unpkg.com/twotier/schema/twotier.schema.json",
    "```",
    "",
    "A whole configuration, that of [examples/playground](../examples/playground):",
    "",
    "```yaml",
    readFileSync(path.join(root, "examples/playground/twotier.yaml"), "utf8").trimEnd(),
    "```",
  ];
  for (const { title, root: first, holds } of sections) {
    lines.push("", `## ${title}`);
    for (const key of Object.keys(descriptions).filter(holds)) {
      if (key.endsWith(".*")) continue;
      const { about, example, otherwise } = descriptions[key] as Description;
      const type = key === first && key.startsWith("artifacts[]");
      // An element's keys are shown by the example of its list.
      const shown = example !== undefined && !/^(?:version\.stamp|notify)\[\]/.test(key);
      const short = type
        ? "artifacts[]"
        : key.replace(/^artifacts\[\]\.(?:(?:go|python|npm|image|go-module|command)\.)?/, "");
      if (key !== first) lines.push("", `### \`${short}\``);
      lines.push("", otherwise === undefined ? about : `${about} Default: ${otherwise}.`);
      if (shown) lines.push("", "```yaml", stringify(nested(short, example)).trimEnd(), "```");
    }
  }
  return `${lines.join("\n")}\n`;
}

/** `a.b[].c` and a value as the mapping that spells it. */
function nested(key: string, value: unknown): unknown {
  return key.split(".").reduceRight((inner: unknown, part) => {
    const list = part.endsWith("[]");
    return { [list ? part.slice(0, -2) : part]: list ? [inner] : inner };
  }, value);
}

if (import.meta.main) {
  const { files, undescribed, unknown } = generate();
  for (const key of undescribed) console.error(`src/config/describe.ts says nothing about ${key}`);
  for (const key of unknown) console.error(`src/config/describe.ts describes ${key}, which isn't in the schema`);
  if (undescribed.length + unknown.length > 0) process.exit(1);
  for (const [name, text] of files) {
    const file = path.join(root, name);
    if (!process.argv.includes("--check")) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    } else if (readFileSync(file, "utf8") !== text) {
      console.error(`${name} isn't what src/config says: run npm run schema`);
      process.exitCode = 1;
    }
  }
}
