import type { Config, ResolvedArtifacts, SiteConfig } from "../config/types.ts";
import type { ReleaseContext, Target } from "../core/target.ts";
import { siteInput } from "../generate/site/index.ts";
import type { Git } from "../git/push.ts";
import type { Refs } from "../git/refs.ts";
import { ReleaseError } from "../lib/errors.ts";
import type { IdTokens } from "../lib/id-token.ts";
import { createGithubTarget } from "./github/index.ts";
import { createGoTarget } from "./go/index.ts";
import { createNpmTarget } from "./npm/index.ts";
import { createDockerTarget, type DockerClients, dockerClients } from "./oci/index.ts";
import { createPypiTarget } from "./pypi/index.ts";
import { branchStore } from "./site/branch.ts";
import { bucketStore } from "./site/bucket.ts";
import { folderStore } from "./site/folder.ts";
import { createSiteTarget } from "./site/index.ts";
import type { SiteStore } from "./site/store.ts";
import { webStore } from "./site/web.ts";

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
  /** What npm exchanges for a token where there is none (trusted publishing). */
  npmIdTokens?: IdTokens;
  npmRegistry?: string;
  pypiToken?: string;
  /** What PyPI mints a token for where there is none (trusted publishing). */
  pypiIdTokens?: IdTokens;
  /** A base with `legacy/` and `simple/` below it, or an upload address that ends in `/legacy/`. */
  pypiUrl?: string;
  dockerUsername?: string;
  dockerToken?: string;
  /** host:port */
  dockerRegistry?: string;
  awsAccessKeyId?: string;
  awsSecretAccessKey?: string;
  awsSessionToken?: string;
  awsRegion?: string;
  /** An absolute folder, or the address of a site that takes PUT: stands for the config's place and address. */
  site?: string;
  siteToken?: string;
}

/** The repository that is released, for targets that are refs in it. */
export interface ReleasedRepository {
  /** Runs git there, with the credential for the remote. */
  git: Git;
  /** Name or address; null: the refs of this repository are the truth. */
  remote: string | null;
  /** Its refs, as openRepository reads them. */
  refs?(fresh: boolean): Promise<Refs>;
}

/** The targets that a config turns on, in the order in which they are shown. */
export function createTargets(
  config: Config,
  { artifacts, packages }: Pick<ResolvedArtifacts, "artifacts" | "packages">,
  credentials: Credentials,
  repository: ReleasedRepository,
  release?: ReleaseContext & { body?: string },
): Target[] {
  const { npm, pypi, docker, github, go, site } = config.targets;
  const targets: Target[] = [];
  if (npm) {
    const { tags, access } = npm;
    const registry = credentials.npmRegistry ?? npm.registry;
    targets.push(
      createNpmTarget({
        registry,
        token: credentials.npmToken,
        idTokens: credentials.npmIdTokens,
        packages: packages.npm,
        tags,
        access,
        release,
      }),
    );
  }
  if (pypi) {
    const addresses = credentials.pypiUrl === undefined ? pypi : pypiAddresses(credentials.pypiUrl);
    const { pypiToken: token, pypiIdTokens: idTokens } = credentials;
    targets.push(createPypiTarget({ ...addresses, token, idTokens, projects: packages.pypi, release }));
  }
  if (docker) {
    const login = {
      registry: credentials.dockerRegistry ?? docker.registry,
      username: credentials.dockerUsername,
      token: credentials.dockerToken,
    };
    targets.push(
      createDockerTarget({
        ...login,
        clients: clientsOf(credentials, login),
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
  if (site) {
    const input = siteInput(config, { artifacts, packages });
    targets.push(createSiteTarget({ input, ...sitePlace(site, input.url, credentials, repository) }));
  }
  return targets;
}

/** A run makes its targets several times, with the same credentials: what a registry was asked for them is asked once. */
const known = new WeakMap<Credentials, Map<string, DockerClients>>();

function clientsOf(credentials: Credentials, login: Parameters<typeof dockerClients>[0]): DockerClients {
  const mine = known.get(credentials) ?? new Map<string, DockerClients>();
  known.set(credentials, mine);
  const clients = mine.get(login.registry) ?? dockerClients(login);
  mine.set(login.registry, clients);
  return clients;
}

/** Where the site is kept, and read. */
function sitePlace(
  site: SiteConfig,
  url: string,
  credentials: Credentials,
  { git, remote }: ReleasedRepository,
): { store: SiteStore; address?: string } {
  const redirect = credentials.site;
  if (redirect !== undefined && /^https?:/.test(redirect)) {
    const address = redirect.replace(/\/+$/, "");
    return { store: webStore({ url: address, token: credentials.siteToken }), address };
  }
  if (redirect !== undefined) return { store: folderStore(redirect, git) };
  switch (site.kind) {
    case "folder":
      return { store: folderStore(site.folder, git), address: url };
    case "branch":
      return { store: branchStore({ git, remote, branch: site.branch, dir: site.dir }), address: url };
    case "bucket": {
      const { awsAccessKeyId, awsSecretAccessKey, awsSessionToken } = credentials;
      const region = site.region ?? credentials.awsRegion ?? "us-east-1";
      const keys =
        awsAccessKeyId === undefined || awsSecretAccessKey === undefined
          ? undefined
          : { accessKeyId: awsAccessKeyId, secretAccessKey: awsSecretAccessKey, sessionToken: awsSessionToken };
      const endpoint = site.endpoint ?? `https://s3.${region}.amazonaws.com`;
      const { bucket, prefix } = site;
      return { store: bucketStore({ bucket, prefix, endpoint, region, keys, address: url }), address: url };
    }
  }
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
