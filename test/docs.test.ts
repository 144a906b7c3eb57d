import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { commands } from "../src/cli/main.ts";
import { descriptions } from "../src/config/describe.ts";
import { root } from "./tools.ts";

/** What people read, by path from the root. */
const pages = new Map(
  ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: root })].map((file) => [
    file,
    readFileSync(path.join(root, file), "utf8"),
  ]),
);
const fence = /^(`{3,})(\w*)[^\n]*\n(.*?)^\1$/gms;
const blocks = [...pages].flatMap(([file, text]) =>
  [...text.matchAll(fence)].map(([, , language = "", code = ""]) => ({ file, language, code })),
);
const prose = (text: string) => text.replace(fence, "").replace(/<!--.*?-->/gs, "");

/** A heading's anchor, as GitHub makes it: lower case, without punctuation, blanks as hyphens. */
const anchor = (heading: string) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
const anchorsOf = (text: string) => [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchor(heading));

describe("every page", () => {
  test.each([...pages])("%s: links lead to what is there", (file, text) => {
    const dead: string[] = [];
    for (const [, link = ""] of prose(text)
      .replace(/`[^`\n]*`/g, "")
      .matchAll(/\]\(<?([^)\s>]+)/g)) {
      if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
      const [to = "", hash] = link.split("#");
      const target = to === "" ? file : path.join(path.dirname(file), to);
      if (!existsSync(path.join(root, target))) dead.push(link);
      else if (hash !== undefined && !anchorsOf(readFileSync(path.join(root, target), "utf8")).includes(hash))
        dead.push(link);
      // The site knows pages and pictures of docs/, and no folders.
      else if (file.startsWith("docs/") && statSync(path.join(root, target)).isDirectory() && !target.startsWith(".."))
        if (target.startsWith("docs/")) dead.push(`${link} (a folder)`);
    }
    expect(dead).toEqual([]);
  });

  test.each([...pages])("%s has one title", (_file, text) => {
    expect(prose(text).match(/^# .+$/gm) ?? []).toHaveLength(1);
  });
});

/** The commands with their flags, as commander knows them. */
const program = new Command("twotier");
for (const load of Object.values(commands)) (await load())(program);

/** Flags of every command (src/cli/run.ts). */
const common = ["--cwd", "-C", "--verbose", "--help", "-h"];
/** Command lines of twotier in shell examples and in the text: words behind `twotier`, up to a pipe, comment or the like. */
function lines(file: string): string[] {
  const text = pages.get(file) as string;
  const shell = blocks.filter((block) => block.file === file && /^(?:sh|bash|console|shell)$/.test(block.language));
  const inline = [...prose(text).matchAll(/`((?:npx )?twotier [^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...shell.flatMap(({ code }) => code.split("\n")), ...inline].flatMap((line) => {
    const words = /(?:^|[\s;&|(])(?:bin\/)?twotier ((?:[^\s#;|&)>]+ ?)+)/.exec(line.replace(/\s#.*$/, ""))?.[1];
    return words === undefined ? [] : [words.trim()];
  });
}

describe("commands that pages show", () => {
  test.each([...pages.keys()].filter((file) => lines(file).length > 0))("%s: exist, with their flags", (file) => {
    const wrong: string[] = [];
    for (const line of lines(file)) {
      const [name = "", ...words] = line.split(" ");
      if (/^(?:--version|-V|--help|\.\.\.|COMMAND)$/.test(name) || !/^[a-z-]+$/.test(name)) continue;
      const command = program.commands.find((one) => one.name() === name);
      const known = command?.options.flatMap(({ long, short }) => [long, short]) ?? [];
      const flags = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.replace(/[=\],.].*$/, ""));
      if (!command || flags.some((flag) => !known.includes(flag) && !common.includes(flag))) wrong.push(line);
    }
    expect(wrong).toEqual([]);
  });

  test("every command is in the README's table", () => {
    const table = pages.get("README.md") as string;
    const missing = program.commands
      .map((command) => command.name())
      .filter((name) => !table.includes(`\`twotier ${name}`));
    expect(missing).toEqual([]);
  });
});

describe("configuration that pages show", () => {
  const schema = JSON.parse(readFileSync(path.join(root, "schema/twotier.schema.json"), "utf8"));
  const part = new Ajv({ strict: false }).compile({ ...schema, required: [] });
  const top = Object.keys(schema.properties);

  test("every key has an example, or keys below it that do", () => {
    const keys = Object.keys(descriptions);
    const bare = keys.filter((key) => descriptions[key]?.example === undefined);
    expect(bare.filter((key) => !keys.some((other) => other.startsWith(`${key}.`)))).toEqual(["artifacts[].type"]);
  });

  test.each([...pages.keys()])("%s: YAML is YAML, and what belongs in twotier.yaml is valid there", (file) => {
    for (const { code } of blocks.filter((block) => block.file === file && /^ya?ml$/.test(block.language))) {
      // Some show two ways to write one key, one below the other.
      const document = parseDocument(code, { uniqueKeys: false });
      expect(
        document.errors.map(({ message }) => message),
        code,
      ).toEqual([]);
      const value = document.toJS();
      const keys = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
      if (keys.length === 0 || keys.some((key) => !top.includes(key))) continue;
      const whole = file !== "docs/configuration.md" || keys.length > 1;
      if (whole) expect(part(value), `${code}${JSON.stringify(part.errors)}`).toBe(true);
    }
  });
});

describe("docs/targets", () => {
  test("has a page for every target", () => {
    const targets = Object.keys(descriptions).flatMap((key) => /^targets\.(\w+)$/.exec(key)?.[1] ?? []);
    expect(targets.filter((target) => !pages.has(`docs/targets/${target}.md`))).toEqual([]);
  });
});
