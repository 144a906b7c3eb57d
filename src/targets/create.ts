import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { ReleaseContext, Target } from "../core/target.ts";
import type { Git } from "../git/push.ts";
import { ReleaseError } from "../lib/errors.ts";
import { createGithubTarget } from "./github/index.ts";
import { createGoTarget } from "./go/index.ts";
import { createNpmTarget } from "./npm/index.ts";
import { createDockerTarget } from "./oci/index.ts";
import { createPypiTarget } from "./pypi/index.ts";

/**
 * Secrets, and addresses that stand for those of the config (two-tier.md, "Environment"). Whoever fills this in has
 * them redacted (registerSecret). A target whose secret is missing says so in preflight, with the variable's name.
 */
export interface Credentials {
  githubToken?: string;
  /** `https://api.github.com` */
  githubApiUrl?: string;
  /** `https://github.com` */
  githubServerUrl?: string;
  npmToken?: string;
  npmRegistry?: string;
  pypiToken?: string;
  /** A base with `legacy/` and `simple/` below it, or an upload address that ends in `/legacy/`. */
  pypiUrl?: string;
  dockerUsername?: string;
  dockerToken?: string;
  /** host:port */
  dockerRegistry?: string;
}

/** The repository that is released, for targets that are refs in it. */
export interface ReleasedRepository {
  /** Runs git there, with the credential for the remote. */
  git: Git;
  /** Name or address; null: the refs of this repository are the truth. */
  remote: string | null;
}

/** The targets that a config turns on, in the order in which they are shown. */
export function createTargets(
  config: Config,
  { packages }: Pick<ResolvedArtifacts, "packages">,
  credentials: Credentials,
  repository: ReleasedRepository,
  release?: ReleaseContext & { body?: string },
): Target[] {
  const { npm, pypi, docker, github, go } = config.targets;
  const targets: Target[] = [];
  if (npm) {
    const { tags, access } = npm;
    const registry = credentials.npmRegistry ?? npm.registry;
    targets.push(
      createNpmTarget({ registry, token: credentials.npmToken, packages: packages.npm, tags, access, release }),
    );
  }
  if (pypi) {
    const addresses = credentials.pypiUrl === undefined ? pypi : pypiAddresses(credentials.pypiUrl);
    targets.push(createPypiTarget({ ...addresses, token: credentials.pypiToken, projects: packages.pypi, release }));
  }
  if (docker) {
    targets.push(
      createDockerTarget({
        registry: credentials.dockerRegistry ?? docker.registry,
        username: credentials.dockerUsername,
        token: credentials.dockerToken,
        repositories: packages.docker,
        tags: docker.tags,
        pointers: docker.pointers,
        release,
      }),
    );
  }
  if (github) {
    targets.push(
      createGithubTarget({
        api: credentials.githubApiUrl ?? "https://api.github.com",
        server: credentials.githubServerUrl ?? "https://github.com",
        repository: config.repository,
        token: () => credentials.githubToken,
        tag: config.version.tag,
        assets: github.assets,
        release,
      }),
    );
  }
  if (go) {
    targets.push(createGoTarget({ modules: packages.go, repository: config.repository, ...repository, release }));
  }
  return targets;
}

/**
 * Upload address and index of a Python registry that is named by one address. PyPI's own upload host has no index: that is
 * pypi.org's.
 *
 * @throws ReleaseError CONFIG when it is no http address
 */
export function pypiAddresses(text: string): { upload: string; index: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ReleaseError("CONFIG", `TWOTIER_PYPI_URL is no http address: ${text}`, {
      hint: "set it to the registry's address, for example https://test.pypi.org",
    });
  }
  url.search = "";
  url.hash = "";
  const base = url.href.replace(/\/+$/, "").replace(/\/(legacy|simple)$/, "");
  const index = base === "https://upload.pypi.org" ? "https://pypi.org" : base;
  return { upload: `${base}/legacy/`, index: `${index}/simple/` };
}
