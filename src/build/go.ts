import { createReadStream, existsSync } from "node:fs";
import path from "node:path";
import { binaryName, splitPlatform } from "../config/platforms.ts";
import type { GoArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { hashing } from "../lib/hash.ts";
import { releaseFile } from "./file.ts";
import { run } from "./run.ts";
import { limiter } from "./schedule.ts";
import { expand } from "./template.ts";
import type { BuildContext } from "./types.ts";

/**
 * Cross-compiles one command for each platform. `-trimpath -buildvcs=false`, and no cgo, leave the toolchain and the
 * sources as the only things a binary depends on (https://go.dev/blog/rebuild). Go's build cache is kept.
 */
export async function buildGo(artifact: GoArtifact, context: BuildContext): Promise<ReleaseFile[]> {
  const cwd = path.join(context.tree, artifact.dir);
  const wanted = artifact.platforms.filter((platform) => context.platforms?.includes(platform) ?? true);
  if (wanted.length === 0) return [];
  const settings = { ...goEnv, GOWORK: workspace(context.tree, artifact.dir), ...artifact.env };
  // In the module's folder: its go.mod may ask for another toolchain than the one that is installed.
  const version = await run(context, artifact.name, "go", ["env", "GOVERSION"], { cwd, env: settings, quiet: true });
  context.tool("go", version.stdout.trim());
  // Two at a time keep two cores busy: linking, most of a build with a warm cache, uses little more than one.
  const slot = limiter(2);
  const first = [...wanted].sort(
    (a, b) => Number(forImage(artifact, b, context)) - Number(forImage(artifact, a, context)),
  );
  const made = new Map<string, Promise<ReleaseFile>>();
  for (const platform of first)
    made.set(
      platform,
      slot(() => compile(artifact, platform, settings, context)),
    );
  await Promise.allSettled(made.values());
  return Promise.all(wanted.map((platform) => made.get(platform) as Promise<ReleaseFile>));
}

/** True where an image waits for this binary. */
function forImage(artifact: GoArtifact, platform: string, { artifacts }: BuildContext): boolean {
  return artifacts.some(
    (other) =>
      other.type === "image" &&
      other.platforms.includes(platform) &&
      Object.values(other.files).includes(artifact.name),
  );
}

async function compile(
  artifact: GoArtifact,
  platform: string,
  settings: Record<string, string>,
  context: BuildContext,
): Promise<ReleaseFile> {
  const { os, arch, variant } = splitPlatform(platform);
  const name = binaryName(artifact.name, platform);
  const target = path.join(context.out, name);
  const ldflags = expand(artifact.ldflags, context);
  const args = ["build", "-trimpath", "-buildvcs=false", "-o", target];
  if (ldflags !== "") args.push(`-ldflags=${ldflags}`);
  await run(context, artifact.name, "go", [...args, artifact.package], {
    cwd: path.join(context.tree, artifact.dir),
    env: { ...settings, GOOS: os, GOARCH: arch, ...microarchitecture(arch, variant), ...artifact.env },
    hint: (output) =>
      /cannot find main module|go\.mod file not found/.test(output)
        ? `no go.mod in ${artifact.dir}: set the artifact's dir to the module's folder`
        : /missing go\.sum entry|updates to go\.mod needed/.test(output)
          ? `go.mod or go.sum isn't up to date: run go mod tidy in ${artifact.dir} and commit it`
          : undefined,
  });
  const stamped = artifact.ldflags.includes("{version}") ? context.version : undefined;
  const read = await readBinary(target, stamped, context.io.signal);
  check(artifact, platform, read.format, os);
  if (stamped !== undefined && !read.found) {
    throw new ReleaseError("BUILD", `${name} was built, but doesn't hold its version ${context.version}`, {
      facts: { artifact: artifact.name, ldflags },
      hint: "go's linker says nothing when -X names no string variable: check the package path and name in ldflags",
    });
  }
  context.ready(artifact.name, platform);
  return releaseFile({ name, kind: "binary", platform, artifact: artifact.name }, read);
}

/** GOFLAGS of the machine or of `go env -w` would change the bytes; something has to stand there to take its place. */
const goEnv = { CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOAMD64: "v1" };

/** The tree's own go.work, never one of a folder around it. */
function workspace(tree: string, dir: string): string {
  for (let folder = path.join(tree, dir); ; folder = path.dirname(folder)) {
    const file = path.join(folder, "go.work");
    if (existsSync(file)) return file;
    if (path.relative(tree, folder) === "") return "off";
  }
}

function microarchitecture(arch: string, variant: string | undefined): Record<string, string> {
  if (arch === "arm") return { GOARM: variant?.replace(/^v/, "") ?? "7" };
  if (arch === "amd64" && variant !== undefined) return { GOAMD64: variant };
  return {};
}

/** One read of a binary: its digest, what kind of program it is, and whether `text` stands anywhere in it. */
async function readBinary(file: string, text: string | undefined, signal: AbortSignal) {
  const counter = hashing(["sha256"]);
  const wanted = Buffer.from(text ?? "");
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  let found = text === undefined;
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    const chunk = piece as Buffer;
    if (head.length === 0) head = chunk.subarray(0, 4);
    counter.update(chunk);
    if (found) continue;
    const seen = Buffer.concat([tail, chunk]);
    found = seen.includes(wanted);
    tail = seen.subarray(Math.max(0, seen.length - wanted.length + 1));
  }
  return { ...counter.end(), format: formatOf(head), found };
}

function formatOf(head: Buffer): string {
  if (head.subarray(0, 4).toString("latin1") === "\x7fELF") return "ELF";
  if (head.subarray(0, 2).toString("latin1") === "MZ") return "PE";
  if (head.length >= 4 && (head.readUInt32LE() === 0xfeedfacf || head.readUInt32LE() === 0xfeedface)) return "Mach-O";
  if (head.subarray(0, 4).toString("latin1") === "\0asm") return "WebAssembly";
  return "no program";
}

/** `go build` of a package that isn't `main` writes an archive, without a word. */
function check(artifact: GoArtifact, platform: string, format: string, os: string): void {
  const expected: Record<string, string> = {
    darwin: "Mach-O",
    ios: "Mach-O",
    windows: "PE",
    js: "WebAssembly",
    wasip1: "WebAssembly",
  };
  const wanted = expected[os] ?? (["aix", "plan9"].includes(os) ? format : "ELF");
  if (format === wanted && format !== "no program") return;
  throw new ReleaseError("BUILD", `${artifact.name}: ${artifact.package} gave no program for ${platform}`, {
    facts: { artifact: artifact.name, expected: wanted, found: format },
    hint: "the artifact's package must be a main package, like ./cmd/NAME",
  });
}
