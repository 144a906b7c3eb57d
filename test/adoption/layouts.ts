import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root, type ToolName } from "../tools.ts";

/** A shape that real repositories have. Its files are in test/fixtures/layouts/NAME, its twotier.yaml in NAME.yaml there. */
export interface Layout {
  name: string;
  /** owner/name of its remote. */
  repository: string;
  branch: string;
  tags: readonly string[];
  /** Programs that building it needs, besides git. */
  needs: readonly ToolName[];
}

const acme = { branch: "main" } as const;

export const layouts: readonly Layout[] = [
  {
    ...acme,
    name: "npm-single",
    repository: "acme/tidy-strings",
    tags: ["v1.0.0", "v1.0.1", "v1.1.0"],
    needs: ["npm"],
  },
  { ...acme, name: "npm-workspaces", repository: "lantern/lantern", tags: ["v0.7.1", "v0.7.2"], needs: ["npm"] },
  { ...acme, name: "python-hatch", repository: "acme/slow-cooker", tags: ["v0.2.0", "v0.3.0"], needs: ["venv-python"] },
  { ...acme, name: "python-scm", repository: "acme/tidewatch", tags: ["2.0.0", "2.0.1"], needs: ["venv-python"] },
  { ...acme, name: "go-goreleaser", repository: "acme/greet", tags: ["v0.4.0", "nightly"], needs: ["go", "buildah"] },
  { ...acme, name: "rust-cli", repository: "acme/pebble", tags: [], needs: ["cargo"] },
  {
    ...{ name: "polyglot", repository: "acme/beacon", branch: "trunk", tags: ["v0.9.2", "v0.9.3", "go/v0.9.3"] },
    needs: ["go", "buildah", "venv-python", "npm"],
  },
  {
    ...{ name: "semantic-release", repository: "acme/weathervane", branch: "master", needs: ["npm"] },
    tags: ["1.2.2", "1.2.3", "1.3.0-beta.1"],
  },
  {
    ...{ ...acme, name: "changesets", repository: "orbit/orbit", needs: ["npm"] },
    tags: ["@orbit/core@3.0.0", "@orbit/core@3.1.0", "@orbit/react@3.1.0", "@orbit/eslint-config@0.4.2"],
  },
  {
    ...{ ...acme, name: "release-please", repository: "acme/relay", needs: ["npm", "venv-python"] },
    tags: ["relay-v2.0.0", "relay-v2.1.0", "relay-client-v2.1.0"],
  },
  {
    ...{ ...acme, name: "go-module-in-folder", repository: "acme/limits", needs: [] },
    tags: ["go/ratelimit/v1.2.0", "go/ratelimit/v1.2.3"],
  },
];

const folder = path.join(root, "test/fixtures/layouts");

/** Where a layout's twotier.yaml is kept. */
export const goldenOf = ({ name }: Pick<Layout, "name">) => path.join(folder, `${name}.yaml`);

/** A folder with the layout as a repository: one commit, its tags, and a remote that nobody can reach. */
export function makeRepository(layout: Layout, options: { windows?: boolean } = {}): { dir: string; git: Git } {
  const dir = mkdtempSync(path.join(tmpdir(), `twotier-${layout.name}-`));
  cpSync(path.join(folder, layout.name), dir, { recursive: true });
  if (options.windows) {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile()) writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
    }
  }
  const git = gitFor(dir);
  git("init", "--quiet", `--initial-branch=${layout.branch}`);
  git("add", "--all");
  git("commit", "--quiet", "--message=feat: begin");
  for (const tag of layout.tags) git("tag", tag);
  setRemote(git, `https://github.com/${layout.repository}.git`);
  return { dir, git };
}

export type Git = (...args: string[]) => string;

/** Git in a folder, as a person. */
export function gitFor(dir: string): Git {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const person = ["-c", "user.name=A Person", "-c", "user.email=person@example.invalid"];
  return (...args) => execFileSync("git", [...person, ...args], { cwd: dir, env, encoding: "utf8", stdio: "pipe" });
}

/** An origin with that address, which git looks for on a port of this machine where nothing listens. */
export function setRemote(git: Git, url: string): void {
  git("remote", "add", "origin", url);
  const [, base = url] = /^((?:[a-z+]+:\/\/[^/]+\/)|(?:[^/]+:))/.exec(url) ?? [];
  git("config", "url.http://127.0.0.1:9/.insteadOf", base);
}
