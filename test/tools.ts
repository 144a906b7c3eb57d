import { accessSync, appendFileSync, constants, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

/**
 * Programs that nobody here wrote and that tests drive: real clients and servers of the registries.
 * `make test` gets them (scripts/tools.sh); where one can't be had, its tests are skipped by name, with the reason,
 * and fail instead when CI=true.
 */

export const root = path.resolve(import.meta.dirname, "..");
const setup = path.join(root, ".setup");
const venv = path.join(setup, "venv/bin");
const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/homebrew/bin"];

/** Folders where each kind of tool is looked for, in order. */
const places = {
  path: [...(process.env.PATH ?? "").split(path.delimiter).filter(path.isAbsolute), ...system, "/usr/local/go/bin"],
  system,
  cargo: [...(process.env.PATH ?? "").split(path.delimiter), path.join(homedir(), ".cargo/bin")].filter(
    path.isAbsolute,
  ),
  venv: [venv],
  setup: [path.join(setup, "bin")],
  npm: [path.join(root, "node_modules/.bin")],
  node: [path.join(root, "node_modules/node/bin")],
} as const;

/** Name that tests use -> where it is, and its file name there where that differs. */
const tools = {
  git: ["path"],
  curl: ["path"],
  go: ["path"],
  /** Rust's. Not fetched. */
  cargo: ["cargo"],
  python3: ["path"],
  npm: ["path"],
  tar: ["path"],
  openssl: ["path"],
  skopeo: ["path"],
  buildah: ["path"],
  "docker-registry": ["path"],
  gh: ["path"],
  shellcheck: ["path"],
  dash: ["path"],
  bash: ["path"],
  busybox: ["path"],
  minisign: ["path"],
  chromium: ["path"],
  nginx: ["path"],
  /** Debian's Python, which has `build`, setuptools and wheel from Debian's packages. */
  "debian-python": ["system", "python3"],
  /** Debian's twine, version 4 on Debian 12. */
  "debian-twine": ["system", "twine"],
  /** Python of the checkout's virtual environment; has build, setuptools and wheel. */
  "venv-python": ["venv", "python"],
  pip: ["venv"],
  "pyproject-build": ["venv"],
  /** twine 7 */
  twine: ["venv"],
  uv: ["venv"],
  devpi: ["venv"],
  "devpi-server": ["venv"],
  "devpi-init": ["venv"],
  "pypi-server": ["venv"],
  /** Has GitHub's and GitLab's schemas of workflows in it. */
  "check-jsonschema": ["venv"],
  /** Audits workflows. */
  zizmor: ["venv"],
  crane: ["setup"],
  actionlint: ["setup"],
  /** Not fetched: Go's module proxy doesn't serve it (403, November 2026). Found where somebody installed it. */
  zot: ["path"],
  /** An S3 server. Not fetched: building it takes minutes. `go install github.com/versity/versitygw/cmd/versitygw@latest` */
  versitygw: ["path"],
  /** The OCI distribution conformance suite. Where it stands and how it is configured: scripts/tools.sh. */
  "oci-conformance": ["setup"],
  node: ["node"],
  verdaccio: ["npm"],
  tsc: ["npm"],
  /** npm's `emulate`: vercel-labs' imitation of GitHub's API. */
  emulate: ["npm"],
} as const satisfies Record<string, readonly [keyof typeof places, string?]>;

export type ToolName = keyof typeof tools;

/** Tools that `make test` doesn't get: missing ones are skipped with CI=true too. */
const optional: ReadonlySet<ToolName> = new Set(["zot", "versitygw", "cargo"]);

/** Absolute path of a tool; undefined where this machine doesn't have it. */
export function tool(name: ToolName): string | undefined {
  const [place, file = name] = tools[name] as readonly [keyof typeof places, string?];
  for (const folder of places[place]) {
    const candidate = path.join(folder, file);
    if (isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** Absolute path of a tool, for tests that stand behind `needs`. @throws Error with the reason where it is missing */
export function toolPath(name: ToolName): string {
  const found = tool(name);
  if (found === undefined) throw new Error(reasonFor(name));
  return found;
}

/**
 * For `describe.skipIf(needs(["skopeo", "crane"]))(...)`, or `test.skipIf(...)`: false where all tools are there,
 * else the reason, which the reporter prints with the skipped tests' names. With CI=true it adds a test that fails.
 */
export function needs(names: readonly ToolName[]): string | false {
  const absent = names.filter((name) => tool(name) === undefined);
  if (absent.length === 0) return false;
  return skipped(
    absent.map(reasonFor).join("; "),
    process.env.CI === "true" && !absent.every((it) => optional.has(it)),
  );
}

/** For `describe.skipIf(skipped("..."))`: a skip whose reason is reported. `fail`: it adds a test that fails. */
export function skipped(because: string, fail = false): string {
  if (fail) {
    test(`can't be left out with CI=true: ${because}`, () => {
      throw new Error(because);
    });
  } else if (process.env.TWOTIER_TEST_SKIPS !== undefined) {
    const line = JSON.stringify({ file: expect.getState().testPath, reason: because });
    appendFileSync(process.env.TWOTIER_TEST_SKIPS, `${line}\n`);
  }
  return because;
}

/** scripts/tools.sh leaves a line under .setup/missing/ for what it tried and couldn't get. */
function reasonFor(name: ToolName): string {
  if (optional.has(name)) return `${name} is missing; \`make test\` doesn't get it`;
  const [place, file = name] = tools[name] as readonly [keyof typeof places, string?];
  for (const note of [file, place]) {
    try {
      return `${name} is missing: ${readFileSync(path.join(setup, "missing", note), "utf8").trim()}`;
    } catch {
      // no note: nobody tried
    }
  }
  return `${name} is missing; \`make test\` gets it`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
