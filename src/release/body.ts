import { installCommand, scriptsUrl } from "../config/installer.ts";
import type { Config } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import type { TargetName } from "../core/target.ts";
import type { Planned } from "./job.ts";
import { releaseNotes, renderChanges } from "./notes.ts";

/** What the body of a GitHub release is made from. */
interface Released {
  tier: "staging" | "production";
  version: string;
  tag: string;
  files: readonly ReleaseFile[];
  skipped: readonly { target: TargetName; reason: string }[];
}

/** Text of the release: warning, install commands, changes. Deterministic. */
export function releaseBody({ plan, config }: Planned, release: Released): string {
  const skipped = new Set<string>(release.skipped.map((one) => one.target));
  const previous = release.tier === "production" ? plan.lastStable : plan.previous;
  return releaseNotes({
    tier: release.tier,
    version: release.version,
    line: plan.line ?? release.version,
    previous,
    candidate: plan.candidate,
    changes: plan.changes,
    install: installCommands({ plan, config }, release).filter((one) => !skipped.has(one.target)),
    skipped: release.skipped,
    proven: release.files.some((file) => file.name === "promotion.md"),
    ...linksOf(config, previous, release.tag),
  });
}

/**
 * Addresses for links, where the repository is on GitHub. From the config alone: the changelog is part of the release
 * commit, which must be the same on every machine.
 */
function linksOf(config: Config, previous: string | null, tag: string): { repository?: string; compare?: string } {
  if (!config.targets.github) return {};
  const repository = `https://github.com/${config.repository}`;
  if (previous === null) return { repository };
  const range = [config.version.tag.replace("{version}", previous), tag].map(encodeURIComponent).join("...");
  return { repository, compare: `${repository}/compare/${range}` };
}

/** Commands that install this very version, each in the form that its tool takes. */
export function installCommands(
  { plan, config }: Pick<Planned, "plan" | "config">,
  { tier, version, files }: Pick<Released, "tier" | "version" | "files">,
): { target: TargetName; title: string; command: string }[] {
  const commands: { target: TargetName; title: string; command: string }[] = [];
  const { pypi, npm, docker } = config.targets;
  const names = (...kinds: ReleaseFile["kind"][]) => [
    ...new Set(files.filter((file) => kinds.includes(file.kind)).map((file) => file.package ?? "")),
  ];
  if (config.installer && files.some((file) => file.kind === "binary")) {
    commands.push({
      target: "github",
      title: "Command line",
      command: installCommand(scriptsUrl(config), tier, version),
    });
  }
  if (pypi) {
    const python = plan.pythonVersion ?? version;
    for (const name of names("wheel", "sdist")) {
      commands.push({ target: "pypi", title: "Python", command: `pip install ${name}==${python}` });
    }
  }
  if (npm) {
    for (const name of names("npm")) {
      commands.push({ target: "npm", title: "npm", command: `npm install ${name}@${version}` });
    }
  }
  if (docker) {
    const host = docker.registry === "docker.io" ? "" : `${docker.registry}/`;
    const tag = (docker.tags[tier][0] ?? "{version}").replace("{version}", version);
    for (const name of names("image")) {
      commands.push({ target: "docker", title: "Docker", command: `docker pull ${host}${name}:${tag}` });
    }
  }
  return commands;
}

/** The section of CHANGELOG.md: what changed since the last stable version, its candidates' changes together. */
export function changelogBody({ plan, config }: Pick<Planned, "plan" | "config">): string {
  const { repository, compare } = linksOf(config, plan.lastStable, plan.tag ?? "");
  const changes = renderChanges(plan.changes, 3, repository);
  return changes === "" || compare === undefined ? changes : `${changes}\n[All changes](${compare})\n`;
}
