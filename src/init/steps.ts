import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { Place, Step } from "./types.ts";

/**
 * What a person must still do before the first release: secrets, or trusted publishers in their place, each with its page.
 *
 * @param host where the repository is, e.g. `github.com`
 */
export function nextSteps(
  config: Config,
  { packages }: Pick<ResolvedArtifacts, "packages">,
  { remote }: Pick<Place, "remote">,
): Step[] {
  const { targets, repository } = config;
  const host = remote?.host ?? "github.com";
  const gitlab = remote?.provider === "gitlab";
  const home = gitlab ? `https://${host}/${remote.owner}/${remote.name}` : `https://${host}/${repository}`;
  const secrets = gitlab ? `${home}/-/settings/ci_cd` : `${home}/settings/secrets/actions`;
  const steps: Step[] = [];
  const job = gitlab
    ? `namespace ${remote?.owner}, project ${remote?.name}, CI file .gitlab-ci.yml`
    : `owner ${repository.split("/")[0]}, repository ${repository.split("/")[1]}, workflow release.yml`;
  // Neither registry knows other hosts (docs.npmjs.com/trusted-publishers, docs.pypi.org/trusted-publishers).
  const hosted = host === "github.com" || host === "gitlab.com";
  if (targets.npm) {
    const own = targets.npm.registry === "https://registry.npmjs.org";
    if (own) {
      steps.push({
        what: "where a package doesn't exist on npm yet: take its name first",
        urls: packages.npm.map((name) => `https://www.npmjs.com/package/${name}`),
        command: "NPM_TOKEN=... twotier init --claim",
      });
    }
    if (own && hosted) {
      steps.push({
        what: `a trusted publisher for ${list(packages.npm)} on npm: ${job}, environment left empty (both tiers publish from this file), \`npm publish\` allowed`,
        urls: packages.npm.map((name) => `https://www.npmjs.com/package/${name}/access`),
      });
    }
    steps.push({
      what: `${own && hosted ? "or, until January 2027, when npm plans to end it, " : ""}NPM_TOKEN, a secret of the repository: a token that may write ${list(packages.npm)} and needs no second factor`,
      urls: [secrets, ...(own ? ["https://www.npmjs.com/settings/~/tokens"] : [targets.npm.registry])],
    });
  }
  if (targets.pypi) {
    const own = targets.pypi.upload === "https://upload.pypi.org/legacy/";
    if (own && hosted) {
      steps.push({
        what: `trusted publishers for ${list(packages.pypi)} on PyPI, two each: ${job}, environment staging, and the same with production (pending ones on the account's page, where a project doesn't exist yet)`,
        urls: [
          ...packages.pypi.map((name) => `https://pypi.org/manage/project/${name}/settings/publishing/`),
          "https://pypi.org/manage/account/publishing/",
        ],
      });
    }
    steps.push({
      what: `${own && hosted ? "or " : ""}PYPI_TOKEN, a secret of the repository: a token for ${list(packages.pypi)} (for the whole account, where a project doesn't exist yet)`,
      urls: [secrets, ...(own ? ["https://pypi.org/manage/account/token/"] : [targets.pypi.upload])],
    });
  }
  if (targets.docker?.registry === "ghcr.io") {
    steps.push({
      what: `nothing before the first push of ${list(packages.docker)}: the workflow's own token may do it. After it, make the image public`,
      urls: packages.docker.map((name) => `https://github.com/${name.split("/")[0]}?tab=packages`),
    });
  } else if (targets.docker) {
    const hub = targets.docker.registry === "docker.io";
    steps.push({
      what: `DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, secrets of the repository: an account of ${targets.docker.registry} that may push ${list(packages.docker)}`,
      urls: [
        secrets,
        ...(hub
          ? [
              "https://app.docker.com/settings/personal-access-tokens",
              ...packages.docker.map((name) => `https://hub.docker.com/r/${name}`),
            ]
          : []),
      ],
    });
  }
  if (targets.github && !gitlab)
    steps.push({
      what: "who may start a production release: reviewers of the environment `production`, if anybody must agree",
      urls: [`${home}/settings/environments`],
    });
  return steps;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
