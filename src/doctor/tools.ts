import { checkTools as missingTools, requiredTools } from "../build/index.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import { codeOfTopic, type Found, type Result, type Subject } from "./types.ts";

/** How a program is asked for its version. */
const questions: Record<string, [program: string, ...args: string[]]> = {
  go: ["go", "env", "GOVERSION"],
  npm: ["npm", "--version"],
  node: ["node", "--version"],
  python3: ["python3", "--version"],
  git: ["git", "--version"],
};

/** Programs of the builders: whether they are here, and new enough. */
export async function checkTools({
  resolved,
  dir,
  tree,
  io,
}: Pick<Subject, "resolved" | "dir" | "tree" | "io">): Promise<Result> {
  const required = requiredTools(resolved.artifacts);
  const names = ["git", ...new Set(required.map((one) => one.tool))];
  const [missing, versions] = await Promise.all([
    missingTools(required, dir),
    Promise.all(names.map(async (name) => [name, await versionOf(name, io.signal)] as const)),
  ]);
  const found = missing.map(({ level, message, hint, topic }): Found => {
    return { code: codeOfTopic[topic], level, what: message, remedy: hint };
  });
  const go = versions.find(([name]) => name === "go")?.[1];
  const modules = resolved.artifacts.flatMap((one) => (one.type === "go" ? [one.dir] : []));
  for (const folder of new Set(modules)) {
    const file = folder === "." ? "go.mod" : `${folder}/go.mod`;
    const asked = /^go\s+(\d+(?:\.\d+)*)/m.exec((await tree.read(file)) ?? "")?.[1];
    if (asked === undefined || go === undefined || !isBelow(go, asked)) continue;
    found.push({
      code: "tool-old",
      level: "error",
      what: `${file} asks for Go ${asked}, and this machine has ${go}`,
      remedy: `install Go ${asked} or newer: https://go.dev/dl`,
    });
  }
  const text = versions.flatMap(([name, version]) => (version === undefined ? [] : [`${name} ${version}`])).join(", ");
  return { found, text };
}

async function versionOf(name: string, signal: AbortSignal): Promise<string | undefined> {
  const question = questions[name];
  if (!question) return undefined;
  const [program, ...args] = question;
  // Of the Go that is here, not of one that it would download.
  const env = { ...baseEnv(), GOTOOLCHAIN: "local" };
  const answer = await exec(program, args, { signal, timeout: 20_000, env }).catch(() => null);
  return /\d+(?:\.\d+)+/.exec(answer?.stdout ?? "")?.[0];
}

/** 1.19.8 < 1.21 */
function isBelow(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split(".").map(Number));
  for (const [index, part] of (b ?? []).entries()) {
    const own = a?.[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}
