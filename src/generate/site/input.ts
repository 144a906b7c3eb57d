import type { Config, GoArtifact, ResolvedArtifacts } from "../../config/types.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type InstallerInput, installerInput } from "../installer/index.ts";

/** What the site has to know of a product. */
export interface SiteInput {
  /** Name of the product. */
  name: string;
  /** `https://hanzo.bot`, without a slash at the end. */
  url: string;
  installer: InstallerInput;
  /** GOOS/GOARCH of every binary, Windows included. */
  platforms: readonly string[];
  /** Other ways to get it, in the form that each tool takes, `{version}` where it has to name one; null where there is none. */
  packages: readonly { title: string; production: string | null; staging: string | null }[];
}

/**
 * What twotier.yaml and the artifacts say about the site. Pure.
 *
 * @throws ReleaseError CONFIG where the site's address isn't known, and as installerInput
 */
export function siteInput(config: Config, resolved: Pick<ResolvedArtifacts, "artifacts" | "packages">): SiteInput {
  const url = config.installer?.url;
  if (!url) {
    throw new ReleaseError("CONFIG", "a site needs its address: installer.url isn't set", {
      hint: "add `installer: { url: https://... }` to twotier.yaml (docs/hosting.md)",
    });
  }
  const installer = { ...installerInput(config, resolved), channels: `${url}/channels` };
  const binary = resolved.artifacts.find(
    (artifact): artifact is GoArtifact & typeof artifact =>
      artifact.type === "go" && artifact.name === installer.command,
  );
  return {
    name: config.name,
    url,
    installer,
    platforms: binary?.platforms ?? [],
    packages: packagesOf(config, resolved.packages),
  };
}

function packagesOf({ targets }: Config, packages: ResolvedArtifacts["packages"]): SiteInput["packages"] {
  const found: { title: string; production: string | null; staging: string | null }[] = [];
  const { pypi, npm, docker, go } = targets;
  if (pypi) {
    const index = pypi.index === "https://pypi.org/simple/" ? "" : `--index-url ${pypi.index} `;
    for (const name of packages.pypi) {
      const install = `pip install ${index}`;
      found.push({ title: "Python", production: `${install}${name}`, staging: `${install}--pre ${name}` });
    }
  }
  if (npm) {
    const registry = npm.registry === "https://registry.npmjs.org" ? "" : `--registry ${npm.registry} `;
    const of = (name: string, tag: string) => `npm install ${registry}${name}${tag === "latest" ? "" : `@${tag}`}`;
    for (const name of packages.npm) {
      found.push({
        title: "JavaScript",
        production: of(name, npm.tags.production),
        staging: of(name, npm.tags.staging),
      });
    }
  }
  if (docker) {
    const host = docker.registry === "docker.io" ? "" : `${docker.registry}/`;
    // A tag that moves with the tier, else the one of the version.
    const of = (name: string, tier: "production" | "staging") => {
      const plain = (tag: string) => !tag.replace("{version}", "").includes("{");
      const tag = docker.pointers[tier].find((one) => !one.includes("{")) ?? docker.tags[tier].find(plain);
      return tag === undefined ? null : `docker pull ${host}${name}:${tag}`;
    };
    for (const name of packages.docker) {
      found.push({ title: "Docker", production: of(name, "production"), staging: of(name, "staging") });
    }
  }
  // Go leaves candidates out of @latest, and has no name for the newest of them (go.dev/ref/mod#version-queries).
  if (go) {
    for (const { module } of packages.go) {
      found.push({ title: "Go", production: `go get ${module}@latest`, staging: `go get ${module}@v{version}` });
    }
  }
  return found.filter(({ production, staging }) => production !== null || staging !== null);
}
