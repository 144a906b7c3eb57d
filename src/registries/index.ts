import path from "node:path";
import { globOf } from "./faults/file.ts";
import { createFaults, type FaultFile, type Faults, type FaultyRegistry } from "./faults/index.ts";
import { type Github, startGithub } from "./github/index.ts";
import { type NpmRegistry, startNpm } from "./npm/index.ts";
import { startOci } from "./oci/index.ts";
import { type Issuer, type Publisher, startIssuer } from "./oidc/index.ts";
import { type PypiRegistry, startPypi } from "./pypi/index.ts";
import type { Around, Registry } from "./server.ts";
import { type Site, startSite } from "./site/index.ts";

export interface RegistriesOptions {
  /** Folder that keeps what they hold, one folder each; left out: temporary ones. */
  state?: string;
  /** The only token taken; left out: any. */
  token?: string;
  /** Tokens of GitHub that are taken for reading only. */
  readOnlyTokens?: readonly string[];
  /** Clock, for age rules. */
  now?: () => Date;
  /** What the CI's ID tokens say of a job; left out: a workflow of `local/local`. */
  claims?: Record<string, unknown>;
  /** What goes wrong from the start; `Registries.faults` switches more on. */
  faults?: FaultFile;
  /** Sees every request of a registry before faults do. */
  around?: (registry: FaultyRegistry) => Around;
}

/** The addresses of all registries, and how to end them. */
export interface Registries {
  /** `http://127.0.0.1:PORT` */
  npm: string;
  /** Uploads below `/legacy/`, the Simple API below `/simple/`. */
  pypi: string;
  /** `127.0.0.1:PORT`: image names have no scheme. */
  docker: string;
  github: string;
  /** Remotes are `GIT/OWNER/REPO.git`. */
  git: string;
  site: string;
  /** What a CI job is given to get ID tokens with: `ACTIONS_ID_TOKEN_REQUEST_URL` and `..._TOKEN`. */
  idToken: { url: string; token: string };
  /** What goes wrong now. */
  faults: Faults;
  /** The servers themselves, with what only their owners can do. */
  servers: { npm: NpmRegistry; pypi: PypiRegistry; docker: Registry; github: Github; site: Site; ci: Issuer };
  close(): Promise<void>;
}

/** Starts all registries, each on a free port of this machine. If one can't start, the others are ended again. */
export async function startRegistries(options: RegistriesOptions = {}): Promise<Registries> {
  const { state, token } = options;
  const settings = options.faults?.settings ?? {};
  const skew = (settings.clockSkewSeconds ?? 0) * 1000;
  const clock = options.now ?? (() => new Date());
  const now = skew === 0 ? options.now : () => new Date(clock().getTime() + skew);
  const faults = createFaults(options.faults, () => clock().getTime());
  const of = (name: FaultyRegistry) => {
    const [first, second] = [options.around?.(name), faults.around(name)];
    const around: Around = first
      ? (request, response, handle) => first(request, response, (to) => second(request, to, handle))
      : second;
    return { token, now, around, state: state === undefined ? undefined : path.join(state, name) };
  };
  const { npm: slow, pypi: trusting, docker: strict, github: kept } = settings;
  const fixed = strict?.immutableTags?.map(globOf);
  const started: Registry[] = [];
  const close = async () => {
    await Promise.all(started.splice(0).map((registry) => registry.close()));
  };
  const keep = <T extends Registry>(starting: Promise<T>) =>
    starting.then((registry) => {
      started.push(registry);
      return registry;
    });
  const ci = await keep(startIssuer({ ...of("ci"), token: undefined, claims: options.claims }));
  const trusted = (of: { publishers?: Publisher[]; tokenSeconds?: number } = {}) => {
    const { publishers, tokenSeconds } = of;
    return { verify: ci.verify, publishers, tokenSeconds };
  };
  const all = await Promise.allSettled([
    keep(
      startNpm({
        ...of("npm"),
        trusted: trusted(slow),
        scanDelay: (slow?.scanSeconds ?? 0) * 1000,
        pending: (name, version) => slow?.stuck?.includes(`${name}@${version}`) ?? false,
      }),
    ),
    keep(startPypi({ ...of("pypi"), trusted: trusted(trusting) })),
    keep(
      startOci({
        ...of("docker"),
        delete: strict?.delete,
        tokenSeconds: strict?.tokenSeconds,
        immutableTags: fixed && ((_repository, tag) => fixed.some((pattern) => pattern.test(tag))),
      }),
    ),
    keep(
      startGithub({
        ...of("github"),
        readOnlyTokens: options.readOnlyTokens,
        immutableReleases: kept?.immutableReleases,
        listLag: (kept?.listLagSeconds ?? 0) * 1000,
      }),
    ),
    keep(startSite(of("site"))),
  ] as const);
  const failed = all.find((one) => one.status === "rejected");
  if (failed) {
    await close();
    throw failed.reason;
  }
  const [npm, pypi, docker, github, site] = all.map((one) => (one as PromiseFulfilledResult<unknown>).value) as [
    NpmRegistry,
    PypiRegistry,
    Registry,
    Github,
    Site,
  ];
  return {
    npm: npm.url,
    pypi: pypi.url,
    docker: docker.host,
    github: github.url,
    git: github.git,
    site: site.url,
    idToken: { url: ci.requestUrl, token: ci.requestToken },
    faults,
    servers: { npm, pypi, docker, github, site, ci },
    close,
  };
}
