import { fillConditions } from "../src/config/defaults.ts";
import type { Config } from "../src/config/types.ts";
import type { Manifest } from "../src/core/manifest.ts";
import type { Plan, ReleaseFlags } from "../src/core/plan.ts";
import type { Commit } from "../src/git/commits.ts";
import { lockRef, retractedRef } from "../src/git/lock.ts";
import type { Refs } from "../src/git/refs.ts";
import { choose } from "../src/release/choice.ts";
import { type Detail, type Facts, stampedPaths } from "../src/release/facts.ts";
import { decide } from "../src/release/plan.ts";
import { standingOf } from "../src/release/standing.ts";
import type { Used } from "../src/version/numbering.ts";
import { tagNames } from "../src/version/tags.ts";
import { isOwn } from "../src/version/trigger.ts";
import { parseVersion } from "../src/version/version.ts";

export const plainConfig: Config = {
  name: "playground",
  repository: "hanzoai/playground",
  trigger: { branch: null, paths: ["src/**", "VERSION"] },
  version: { file: "VERSION", stamp: [{ file: "src/version.txt" }], tag: "v{version}", gaps: "refuse" },
  tiers: { staging: { label: "rc" }, production: { bookkeeping: "push", conditions: fillConditions({}) } },
  artifacts: null,
  targets: {},
  installer: null,
  checks: [],
  notify: [],
};

/**
 * A history in memory, and the facts that gatherFacts would read from such a repository: so that every rule can be
 * tried in microseconds. facts.test.ts holds gatherFacts itself against real git.
 */
export class History {
  readonly commits = new Map<string, Commit>();
  /** Ref -> sha of its own object, and of the commit below it. */
  readonly named = new Map<string, { sha: string; commit: string }>();
  readonly manifests = new Map<string, Manifest>();
  readonly runs = new Map<string, string>();
  config: Config;
  registries: Used[] = [];
  versionText: string | null = null;
  head = "";

  constructor(config: Partial<Config> = {}) {
    this.config = { ...plainConfig, ...config };
  }

  /** Adds a commit on top of the branch, or on `parents` and then the branch stays. Returns its sha. */
  commit(message: string, paths: string[] = ["src/a"], parents?: string[]): string {
    const sha = (this.commits.size + 1).toString(16).padStart(40, "0");
    const on = parents ?? (this.head === "" ? [] : [this.head]);
    this.commits.set(sha, { sha, parents: on, epoch: 1_700_000_000 + this.commits.size, message, paths });
    if (!parents) this.head = sha;
    return sha;
  }

  /** A tag that another tool made on a commit. */
  tag(name: string, sha = this.head): void {
    this.named.set(`refs/tags/${name}`, { sha, commit: sha });
  }

  /** Takes a number as step 2 does: the release commit beside the branch, and the lock over it. */
  lock(tag: string, source = this.head, run = "run 1"): string {
    const sha = this.commit(
      `chore(release): ${tag}\n\nTwotier-Release: ${tag}`,
      ["src/version.txt", "VERSION"],
      [source],
    );
    this.annotate(lockRef(tag), sha);
    this.runs.set(tag, run);
    return sha;
  }

  /** A release made by the product, complete. */
  release(tag: string, source = this.head, candidate: string | null = null): string {
    const sha = this.lock(tag, source);
    this.seal(tag, candidate);
    this.unlock(tag);
    return sha;
  }

  /** Seals a locked number; the lock stays, so it isn't complete. */
  seal(tag: string, candidate: string | null = null): void {
    const commit = this.named.get(lockRef(tag))?.commit as string;
    this.annotate(`refs/tags/${tag}`, commit);
    const source = this.commits.get(commit)?.parents[0] as string;
    const from = candidate === null ? null : { tag: candidate, commit: "" };
    this.manifests.set(tag, { commit, source, candidate: from } as Manifest);
  }

  unlock(tag: string): void {
    this.named.delete(lockRef(tag));
  }

  retract(tag: string): void {
    this.annotate(retractedRef(tag), this.named.get(`refs/tags/${tag}`)?.commit ?? this.head);
  }

  /** Merges a release commit into the branch, as bookkeeping does. */
  book(tag: string, release: string): string {
    return this.merge(`chore(release): merge ${tag}\n\nTwotier-Release: ${tag}`, release, []);
  }

  merge(message: string, other: string, paths: string[]): string {
    const sha = this.commit(message, paths, [this.head, other]);
    this.head = sha;
    return sha;
  }

  holds(by: string, ...versions: string[]): void {
    for (const text of versions) this.registries.push({ by, version: parseVersion(text) as Used["version"] });
  }

  plan(flags: Partial<ReleaseFlags> = {}, source = this.head): Plan {
    const all: ReleaseFlags = { tier: "staging", ...flags };
    return decide(this.facts(all, source), all);
  }

  facts(flags: ReleaseFlags, source: string): Facts {
    const { config } = this;
    const standing = standingOf(this.refs(), tagNames(config.version.tag));
    const choice = choose(standing, flags);
    const top = choice.upTo?.commit ?? source;
    const details = new Map<string, Detail>();
    const stamped = stampedPaths(config);
    for (const name of this.named.keys()) {
      const tag = name.replace(/^refs\/(tags|twotier\/(lock|retracted))\//, "");
      const release = standing.find(tag);
      const commit = release && this.commits.get(release.commit);
      if (!release || !commit) continue;
      const own = commit.parents.length === 1 && isOwn(commit, (it) => it === tag, stamped);
      const from = own ? (commit.parents[0] as string) : commit.sha;
      const run = release.tagObject ? null : (this.runs.get(tag) ?? null);
      details.set(tag, { source: from, epoch: commit.epoch, manifest: this.manifests.get(tag) ?? null, run });
    }
    const begun = standing.locked
      .filter((one) => one.version.label !== null && !one.retracted)
      .map((one): [string, Commit[]] => [one.tag, this.log(one.commit, standing.below(one.version, "any")?.commit)]);
    return {
      config,
      remote: "origin",
      branch: "main",
      source: { sha: source, epoch: this.commits.get(source)?.epoch ?? 0 },
      versionText: this.versionText,
      standing,
      registries: this.registries,
      details,
      choice,
      since: this.log(top, choice.since?.commit),
      after: choice.upTo ? this.log(this.head, choice.upTo.commit) : [],
      sinceStable: standing.stable ? this.log(top, standing.stable.commit) : [],
      containedIn:
        standing.locked.find(
          (one) =>
            one.tag !== standing.newest?.tag &&
            !one.retracted &&
            one.commit !== source &&
            this.ancestors(one.commit).has(source),
        ) ?? null,
      begun: new Map(begun),
      truncated: false,
      offBranch: choice.upTo !== null && !this.ancestors(this.head).has(details.get(choice.upTo.tag)?.source ?? ""),
      warnings: [],
    };
  }

  /** Commits of `git log top ^base`, newest first. */
  private log(top: string, base: string | undefined): Commit[] {
    const out = base === undefined ? new Set<string>() : this.ancestors(base);
    return [...this.ancestors(top)]
      .filter((sha) => !out.has(sha))
      .sort()
      .reverse()
      .map((sha) => this.commits.get(sha) as Commit);
  }

  private ancestors(sha: string): Set<string> {
    const seen = new Set<string>();
    const next = [sha];
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      next.push(...(this.commits.get(at)?.parents ?? []));
    }
    return seen;
  }

  private annotate(ref: string, commit: string): void {
    this.named.set(ref, { sha: `obj-${ref}`.padEnd(40, "0").slice(0, 40), commit });
  }

  private refs(): Refs {
    return {
      head: "main",
      names: () => this.named.keys(),
      get: (name) => this.named.get(name)?.sha,
      commit: (name) => this.named.get(name)?.commit,
      byName: new Map([...this.named].map(([name, { sha }]) => [name, sha])),
    };
  }
}
