import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ReleaseFlags } from "../../src/core/plan.ts";
import type { Event, Io } from "../../src/core/target.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { gitIn } from "../../src/git/git.ts";
import type { Git } from "../../src/git/push.ts";
import { createHttp, type Http } from "../../src/lib/http.ts";
import type { FaultFile } from "../../src/registries/faults/index.ts";
import { type Registries, startRegistries } from "../../src/registries/index.ts";
import type { ReleaseResult } from "../../src/release/job.ts";
import { release } from "../../src/release/release.ts";
import { openSession, type Session, type SessionOptions } from "../../src/release/session.ts";
import { type Credentials, createTargets } from "../../src/targets/create.ts";

/** Who commits in tests. */
export const person = {
  GIT_AUTHOR_NAME: "A Person",
  GIT_AUTHOR_EMAIL: "person@example.invalid",
  GIT_COMMITTER_NAME: "A Person",
  GIT_COMMITTER_EMAIL: "person@example.invalid",
};

/** A small repository with all kinds of packages, built in milliseconds, and registries of its own. */
export interface Project {
  /** The first clone. */
  dir: string;
  git: Git;
  registries: Registries;
  credentials: Credentials;
  /** Changes files (default: one that triggers), commits and pushes; returns the sha. */
  push(message: string, files?: Record<string, string>): Promise<string>;
  /** Another clone, as another machine would have it. */
  clone(): Promise<string>;
  session(flags: Partial<ReleaseFlags>, options?: Partial<SessionOptions>): Promise<Session>;
  release(flags: Partial<ReleaseFlags>, options?: Partial<SessionOptions>): Promise<ReleaseResult>;
  /** Refs of the remote. */
  refs(): Promise<Map<string, string>>;
  close(): Promise<void>;
}

export const projectToken = "project-token";
/** Reads the repository, and can't write it. */
export const readToken = "project-read-token";

/** Starts registries, which keep what they hold in `state`, and pushes the first commit, tagged v0.1.0 where `stable`. */
export async function startProject(
  options: {
    stable?: boolean;
    files?: Record<string, string>;
    state?: string;
    faults?: FaultFile;
    /** What the CI's ID tokens say of a job. */
    claims?: Record<string, unknown>;
  } = {},
): Promise<Project> {
  const root = mkdtempSync(path.join(tmpdir(), "twotier-project-"));
  const registries = await startRegistries({
    token: projectToken,
    readOnlyTokens: [readToken],
    state: options.state,
    faults: options.faults,
    claims: options.claims,
  });
  const url = `${registries.git}/example/fast.git`;
  const auth = gitCredentials(registries.git, projectToken);
  const dir = path.join(root, "first");
  cpSync(path.join(import.meta.dirname, "../fixtures/fast-project"), dir, { recursive: true });
  const files: Record<string, string> = {
    VERSION: "0.1.0\n",
    "src/fast.txt": "fast\n",
    "sdk/go/go.mod": "module example.invalid/fast/sdk/go\n\ngo 1.19\n",
    "sdk/go/fast.go": "package fast\n",
    ...options.files,
  };
  const write = (more: Record<string, string>, to = dir) => {
    for (const [name, text] of Object.entries(more)) {
      mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
      writeFileSync(path.join(to, name), text);
    }
  };
  write(files);
  const git = gitIn(dir, { env: { ...person, ...auth } });
  await git(["init", "--quiet", "--initial-branch=main"]);
  await git(["remote", "add", "origin", url]);
  await git(["add", "--all"]);
  await git(["commit", "--quiet", "--message=chore: begin"]);
  if (options.stable ?? true) await git(["tag", "v0.1.0"]);
  await git(["push", "--quiet", "origin", "main", "--tags"]);
  const credentials: Credentials = {
    githubToken: projectToken,
    githubApiUrl: registries.github,
    githubServerUrl: registries.github,
    npmToken: projectToken,
    npmRegistry: registries.npm,
    pypiToken: projectToken,
    pypiUrl: registries.pypi,
    dockerUsername: "project",
    dockerToken: projectToken,
    dockerRegistry: registries.docker,
    site: registries.site,
    siteToken: projectToken,
  };
  const http = createHttp();
  let clones = 0;
  let pushes = 0;
  const project: Project = {
    dir,
    git,
    registries,
    credentials,
    async push(message, changed = { "src/fast.txt": `push ${++pushes}\n` }) {
      await git(["pull", "--quiet", "--ff-only", "--no-tags", "origin", "main"]);
      write(changed);
      await git(["add", "--all"]);
      await git(["commit", "--quiet", "--allow-empty", `--message=${message}`]);
      await git(["push", "--quiet", "origin", "main"]);
      return (await git(["rev-parse", "HEAD"])).stdout.trim();
    },
    async clone() {
      const to = path.join(root, `clone-${++clones}`);
      await git(["clone", "--quiet", url, to]);
      return to;
    },
    session: (flags, more = {}) =>
      openSession({
        dir,
        flags: { tier: "staging", ...flags },
        io: testIo(http),
        runId: "test",
        claim: true,
        gitEnv: auth,
        makeTargets: (config, resolved, repository, context) =>
          createTargets(config, resolved, credentials, repository, context),
        ...more,
      }),
    async release(flags, more) {
      const session = await project.session(flags, more);
      try {
        return await release(session.job());
      } finally {
        await session.close();
      }
    },
    async refs() {
      const { stdout } = await git(["ls-remote", "origin"]);
      return new Map(
        stdout.split("\n").flatMap((line) => (line ? [line.split("\t").reverse() as [string, string]] : [])),
      );
    },
    async close() {
      http.close();
      await registries.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return project;
}

/** An Io for tests: real time and network, events kept. */
export function testIo(http: Http = createHttp(), events: Event[] = [], signal = new AbortController().signal): Io {
  return {
    http,
    signal,
    now: () => new Date(),
    sleep: (ms) => delay(ms, undefined, { signal }),
    emit: (event) => void events.push(event),
  };
}

/** Waits are a hundred times shorter. */
export function hastyIo(): Io {
  const io = testIo();
  return { ...io, sleep: (ms) => io.sleep(ms / 100) };
}
