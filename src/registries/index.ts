import path from "node:path";
import { type Github, startGithub } from "./github/index.ts";
import { type NpmRegistry, startNpm } from "./npm/index.ts";
import { startOci } from "./oci/index.ts";
import { type PypiRegistry, startPypi } from "./pypi/index.ts";
import type { Registry } from "./server.ts";
import { type Site, startSite } from "./site/index.ts";

export interface RegistriesOptions {
  /** Folder that keeps what they hold, one folder each; left out: temporary ones. */
  state?: string;
  /** The only token taken; left out: any. */
  token?: string;
  /** Clock, for age rules. */
  now?: () => Date;
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
  /** The servers themselves, with what only their owners can do. */
  servers: { npm: NpmRegistry; pypi: PypiRegistry; docker: Registry; github: Github; site: Site };
  close(): Promise<void>;
}

/** Starts all registries, each on a free port of this machine. If one can't start, the others are ended again. */
export async function startRegistries(options: RegistriesOptions = {}): Promise<Registries> {
  const { state, token, now } = options;
  const of = (name: string) => ({ token, now, state: state === undefined ? undefined : path.join(state, name) });
  const started: Registry[] = [];
  const close = async () => {
    await Promise.all(started.splice(0).map((registry) => registry.close()));
  };
  const keep = <T extends Registry>(starting: Promise<T>) =>
    starting.then((registry) => {
      started.push(registry);
      return registry;
    });
  const all = await Promise.allSettled([
    keep(startNpm(of("npm"))),
    keep(startPypi(of("pypi"))),
    keep(startOci(of("docker"))),
    keep(startGithub(of("github"))),
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
    servers: { npm, pypi, docker, github, site },
    close,
  };
}
