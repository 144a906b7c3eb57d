import type { Part } from "../../config/parts.ts";
import type { WorkflowInput } from "./model.ts";

/**
 * .gitlab-ci.yml, without its marks: the jobs of the GitHub workflow, for a repository that GitLab mirrors or builds.
 * Outputs go from job to job as a dotenv report; the matrix is written out, because GitLab's can't be made while it runs.
 *
 * @see https://docs.gitlab.com/ci/yaml/
 */
export function gitlabWorkflow(input: WorkflowInput): string {
  const { branch, command, parts } = input;
  return `workflow:
  rules:
    - if: $CI_COMMIT_BRANCH == ${JSON.stringify(plain(branch))} && $CI_PIPELINE_SOURCE =~ /^(push|web|api|trigger|schedule)$/
variables:
  GIT_DEPTH: 0
  release_environment:
    description: Tier to release to, when the pipeline is started by hand
    value: production
    options: [production, staging]
  release_component: { description: Part of the version that goes up at least, value: patch, options: [patch, minor, major] }
  publish_pypi: { description: Publish to PyPI, value: "true", options: ["true", "false"] }
  publish_npm: { description: Publish to npm, value: "true", options: ["true", "false"] }
  publish_docker: { description: Push Docker images, value: "true", options: ["true", "false"] }
  prerelease_label: { description: "Label of candidates, e.g. beta (default: of twotier.yaml)", value: "" }
  candidate: { description: "production: tag of the candidate (default: the highest complete one)", value: "" }
stages: [prepare, build, publish, verify]
default:
  image: node:24
prepare:
  stage: prepare
  resource_group: release
  timeout: 30 minutes
  script:
    - TIER=staging; if [ "$CI_PIPELINE_SOURCE" = web ]; then TIER=$release_environment; fi
    - set --; if [ "$publish_pypi" = false ]; then set -- "$@" --skip pypi; fi
    - if [ "$publish_npm" = false ]; then set -- "$@" --skip npm; fi
    - if [ "$publish_docker" = false ]; then set -- "$@" --skip docker; fi
    - ${command} prepare --tier "$TIER" --component "$release_component" --label "$prerelease_label" --candidate "$candidate" --out prepared --env prepare.env "$@"
  artifacts: # a dotenv report takes 5 KB, and what is prepared may be longer
    paths: [prepared]
    reports: { dotenv: prepare.env }
${build(input, parts)}publish:
  stage: publish
  resource_group: release
  timeout: 5 hours
  environment: { name: $TWOTIER_TIER }
${idTokens(input)}  script:
    - if [ "$TWOTIER_RELEASED" != true ]; then exit 0; fi
    - ${command} publish --prepared prepared --parts parts
verify:
  stage: verify
  timeout: 1 hour
  script:
    - if [ "$TWOTIER_RELEASED" != true ]; then exit 0; fi
    - ${command} verify "$TWOTIER_TAG"
`;
}

/** As npm's client and PyPI's documentation name them (docs.npmjs.com/trusted-publishers, docs.pypi.org/trusted-publishers). */
function idTokens({ audiences }: WorkflowInput): string {
  if (audiences.length === 0) return "";
  const lines = audiences.map(({ variable, audience }) => `    ${variable}: { aud: ${JSON.stringify(audience)} }\n`);
  return `  id_tokens: # trusted publishing, where no token is set\n${lines.join("")}`;
}

function build({ command, tools }: WorkflowInput, parts: readonly Part[]): string {
  if (parts.length === 0) return "";
  const install = [
    ...(tools.go ? ["golang-go"] : []),
    ...(tools.python ? ["python3-build", "python3-venv"] : []),
    ...(tools.dockerfile ? ["buildah", "qemu-user-static"] : []),
  ];
  const setup = install.length === 0 ? "" : `    - apt-get update && apt-get install --yes ${install.join(" ")}\n`;
  return `build:
  stage: build
  timeout: 4 hours
  parallel:
    matrix:
      - PART: [${parts.map((part) => JSON.stringify(part.name)).join(", ")}]
  script:
    - if [ "$TWOTIER_BUILD" != true ]; then exit 0; fi
${setup}    - ${command} build --prepared prepared --part "$PART" --out "parts/$PART"
  artifacts:
    paths: [parts]
    expire_in: 1 week
`;
}

/** A branch's name without the quotes that it may have in YAML. */
function plain(branch: string): string {
  return branch.replaceAll('"', "");
}
