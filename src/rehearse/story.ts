import { appendFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Tier } from "../core/plan.ts";
import { pathMatcher } from "../version/trigger.ts";
import type { Copy } from "./clone.ts";

/** One act of a rehearsal: somebody pushes, somebody releases, or somebody takes the newest candidate back. */
export interface Act {
  /** What a person does, as they would say it. */
  title: string;
  /** Message and kind of the pushed change; null: nothing is pushed. */
  push: { message: string; triggers: boolean } | null;
  tier: Tier;
  /** What must come of it: a version that ends so, or null for "nothing to do". */
  releases: boolean;
  /** Takes the newest candidate back instead of releasing. */
  takesBack?: true;
}

/**
 * The cycle of the release process document: a feature, a change that is none, a fix, production, production once
 * more, the next push, which turns out to be bad, and what mends it.
 *
 * @param quiet true where some paths don't trigger: then a change of such a path is part of the story
 */
export function story(quiet: boolean): Act[] {
  const push = (title: string, message: string, triggers = true): Act => ({
    title,
    push: { message, triggers },
    tier: "staging",
    releases: triggers,
  });
  const promote = (title: string, releases: boolean): Act => ({ title, push: null, tier: "production", releases });
  return [
    push("a feature is pushed", "feat: say what the rehearsal is about"),
    ...(quiet ? [push("only documentation is pushed", "docs: describe it", false)] : []),
    push("a fix is pushed", "fix: mend what the candidate showed"),
    promote("production, by hand", true),
    promote("the same again", false),
    push("the next feature is pushed", "feat: begin the next version"),
    {
      title: "it turns out to be bad, and is taken back",
      push: null,
      tier: "staging",
      releases: false,
      takesBack: true,
    },
    push("what mends it is pushed", "fix: mend the next version"),
  ];
}

/** Makes a commit that triggers (or doesn't) and pushes it. Returns its sha. */
export async function pushChange(copy: Copy, push: { message: string; triggers: boolean }): Promise<string> {
  // Production left its version and changelog on the branch.
  await copy.git(["pull", "--quiet", "--ff-only", "--no-tags", "origin", copy.branch]);
  const file = await fileFor(copy, push.triggers);
  if (file === null) throw new Error(`no file ${push.triggers ? "matches" : "is outside of"} trigger.paths`);
  if (file.made) await writeFile(path.join(copy.dir, file.path), `${push.message}\n`);
  else await appendFile(path.join(copy.dir, file.path), "\n");
  await copy.git(["add", "--force", "--", file.path]);
  await copy.git(["commit", "--quiet", "--no-verify", "--message", push.message]);
  await copy.git(["push", "--quiet", "origin", `HEAD:refs/heads/${copy.branch}`]);
  return (await copy.git(["rev-parse", "HEAD"])).stdout.trim();
}

/** Whether some path doesn't trigger. */
export function hasQuietPaths(copy: Copy): boolean {
  return !pathMatcher(copy.config.trigger.paths)("rehearsal.md");
}

const prose = /(^|\/)(README|NOTICE|[^/]*\.(md|txt|rst|adoc))$/i;
const code = /\.(go|py|ts|tsx|js|mjs|rs|java|c|h|cc|cpp|rb|sh|css|html)$/i;

/** A file that can take an empty line at its end without harm: prose first, then source code. */
async function fileFor(copy: Copy, triggers: boolean): Promise<{ path: string; made: boolean } | null> {
  const matches = pathMatcher(copy.config.trigger.paths);
  if (!triggers) return { path: "rehearsal.md", made: true };
  const { stdout } = await copy.git(["ls-files", "-z"]);
  const stamped = new Set([copy.config.version.file, "CHANGELOG.md"]);
  const files = stdout.split("\0").filter((file) => file !== "" && matches(file) && !stamped.has(file));
  const found = files.find((file) => prose.test(file)) ?? files.find((file) => code.test(file)) ?? files[0];
  if (found !== undefined) return { path: found, made: false };
  return matches("rehearsal.md") ? { path: "rehearsal.md", made: true } : null;
}
