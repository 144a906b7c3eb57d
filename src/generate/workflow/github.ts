import type { WorkflowInput } from "./model.ts";
import { pinned } from "./pins.ts";

/** Secrets and redirections that publishing needs, as the `env` of one step. */
function credentials({ targets, dockerHost, notify }: WorkflowInput): string[] {
  const env = ["GITHUB_TOKEN: ${{ github.token }}"];
  if (targets.has("npm")) env.push("NPM_TOKEN: ${{ secrets.NPM_TOKEN }}");
  if (targets.has("pypi")) env.push("PYPI_TOKEN: ${{ secrets.PYPI_TOKEN }}");
  if (dockerHost === "ghcr.io") {
    env.push("DOCKERHUB_USERNAME: ${{ github.actor }}", "DOCKERHUB_TOKEN: ${{ github.token }}");
  } else if (dockerHost !== null) {
    env.push(
      "DOCKERHUB_USERNAME: ${{ secrets.DOCKERHUB_USERNAME }}",
      "DOCKERHUB_TOKEN: ${{ secrets.DOCKERHUB_TOKEN }}",
    );
  }
  if (targets.has("bucket")) {
    env.push(
      "AWS_ACCESS_KEY_ID: ${{ secrets.AWS_ACCESS_KEY_ID }}",
      "AWS_SECRET_ACCESS_KEY: ${{ secrets.AWS_SECRET_ACCESS_KEY }}",
    );
  }
  return [...env, ...secrets(notify)];
}

const secrets = (names: readonly string[]) => names.map((name) => `${name}: \${{ secrets.${name} }}`);

const indent = (lines: readonly string[], by: number) => lines.map((line) => " ".repeat(by) + line).join("\n");

const checkout = `      - uses: ${pinned("actions/checkout")}
        with: { fetch-depth: 0, persist-credentials: false }`;
const node = `      - uses: ${pinned("actions/setup-node")}
        with: { node-version: 24, package-manager-cache: false }`;

/** Steps that install what the builders of this repository need, each only where the matrix asks for it. */
function tools({ tools }: WorkflowInput): string {
  const steps: string[] = [];
  if (tools.go) {
    steps.push(`      - if: matrix.go
        uses: ${pinned("actions/setup-go")}
        with: { go-version: stable, cache: false }`);
  }
  if (tools.python) {
    steps.push(`      - if: matrix.python
        uses: ${pinned("actions/setup-python")}
        with: { python-version: "3.13" }
      - if: matrix.python
        run: python -m pip install build==1.6.1 setuptools==81.0.0 wheel==0.48.0`);
  }
  if (tools.dockerfile) {
    steps.push(`      - if: matrix.dockerfile
        run: sudo apt-get update && sudo apt-get install --yes buildah qemu-user-static`);
  }
  return steps.map((step) => `${step}\n`).join("");
}

/** .github/workflows/release.yml, without its marks. */
export function githubWorkflow(input: WorkflowInput): string {
  const { repository, branch, command, targets } = input;
  const oidc = targets.has("npm") || targets.has("pypi");
  const rights = [
    "contents: write # the tag, the release, VERSION and CHANGELOG.md",
    ...(oidc ? ["id-token: write # trusted publishing, where no token is set"] : []),
    ...(input.dockerHost === "ghcr.io" ? ["packages: write"] : []),
  ];
  return `name: Release
run-name: \${{ github.event_name == 'push' && 'staging' || inputs.release_environment }} of \${{ github.ref_name }}
on:
  push: # without paths: GitHub looks at one push and 300 files; twotier at every commit since the last release
    branches: [${branch}]
  workflow_dispatch:
    inputs:
      release_environment:
        description: Tier to release to
        type: choice
        options: [production, staging]
        default: production
      release_component:
        description: Part of the version that goes up at least
        type: choice
        options: [patch, minor, major]
        default: patch
      publish_pypi: { description: Publish to PyPI, type: boolean, default: true }
      publish_npm: { description: Publish to npm, type: boolean, default: true }
      publish_docker: { description: Push Docker images, type: boolean, default: true }
      prerelease_label: { description: "Label of candidates, e.g. beta (default: of twotier.yaml)", type: string }
      candidate: { description: "production: tag of the candidate (default: the highest complete one)", type: string }
permissions: {}
concurrency:
  group: release
  queue: max # without it a newer push takes the place of one that waits
  cancel-in-progress: false
jobs:
  prepare:
    if: github.repository == '${repository}'
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      contents: read
    outputs:
      released: \${{ steps.prepare.outputs.released }}
      build: \${{ steps.prepare.outputs.build }}
      tier: \${{ steps.prepare.outputs.tier }}
      tag: \${{ steps.prepare.outputs.tag }}
      matrix: \${{ steps.prepare.outputs.matrix }}
      prepared: \${{ steps.prepare.outputs.prepared }}
    steps:
${checkout}
${node}
      - id: prepare
        run: >-
          ${command} prepare --tier "$TIER" --component "$COMPONENT" --label "$LABEL" --candidate "$CANDIDATE"
          --skip "$SKIP_PYPI" --skip "$SKIP_NPM" --skip "$SKIP_DOCKER"
        env:
          TIER: \${{ github.event_name == 'push' && 'staging' || inputs.release_environment }}
          COMPONENT: \${{ inputs.release_component || 'patch' }}
          LABEL: \${{ inputs.prerelease_label }}
          CANDIDATE: \${{ inputs.candidate }}
          SKIP_PYPI: \${{ github.event_name != 'push' && !inputs.publish_pypi && 'pypi' || '' }}
          SKIP_NPM: \${{ github.event_name != 'push' && !inputs.publish_npm && 'npm' || '' }}
          SKIP_DOCKER: \${{ github.event_name != 'push' && !inputs.publish_docker && 'docker' || '' }}
${indent(["GITHUB_TOKEN: ${{ github.token }}", ...secrets(input.notify)], 10)}
  build: # runs the repository's own code: no secrets, no rights
    needs: prepare
    if: needs.prepare.outputs.build == 'true'
    strategy:
      fail-fast: false # what was built need not be built again
      matrix:
        include: \${{ fromJSON(needs.prepare.outputs.matrix) }}
    name: build (\${{ matrix.name }})
    runs-on: \${{ matrix.runner }}
    timeout-minutes: 240
    permissions:
      contents: read
    steps:
${checkout}
${node}
${tools(input)}      - run: ${command} build --prepared "$PREPARED" --part "$PART" --out "$RUNNER_TEMP/part"
        env:
          PREPARED: \${{ needs.prepare.outputs.prepared }}
          PART: \${{ matrix.name }}
      - uses: ${pinned("actions/upload-artifact")}
        with:
          name: part-\${{ matrix.name }}
          path: \${{ runner.temp }}/part
          if-no-files-found: error
          overwrite: true # a job that is run again
  publish: # runs nothing but twotier, on files whose digests it checks
    needs: [prepare, build]
    if: \${{ !failure() && !cancelled() && needs.prepare.outputs.released == 'true' }}
    runs-on: ubuntu-latest
    timeout-minutes: 300
    environment: \${{ needs.prepare.outputs.tier }}
    permissions:
${indent(rights, 6)}
    outputs:
      version: \${{ steps.publish.outputs.version }}
      tag: \${{ steps.publish.outputs.tag }}
    steps:
${checkout}
${node}
      - if: needs.prepare.outputs.build == 'true'
        uses: ${pinned("actions/download-artifact")}
        with: { pattern: part-*, path: "\${{ runner.temp }}/parts" }
      - id: publish
        run: ${command} publish --prepared "$PREPARED" --parts "$RUNNER_TEMP/parts"
        env:
          PREPARED: \${{ needs.prepare.outputs.prepared }}
${indent(credentials(input), 10)}
  verify:
    needs: [prepare, publish]
    if: \${{ !cancelled() && needs.publish.result == 'success' }}
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: read
    steps:
${checkout}
${node}
      - run: ${command} verify "$TAG"
        env:
          TAG: \${{ needs.prepare.outputs.tag }}
          GITHUB_TOKEN: \${{ github.token }}
`;
}
