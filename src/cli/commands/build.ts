import path from "node:path";
import type { Command } from "commander";
import { checksOf, checksPart, type Part, partsOf } from "../../config/parts.ts";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type CommonFlags, print, printJson } from "../context.ts";
import { safe } from "../output/style.ts";
import { openCliSession } from "../session.ts";

interface Flags extends CommonFlags {
  prepared?: string;
  part?: string;
  platform?: string[];
  artifact?: string[];
  out?: string;
}

const list = (value: string, before: string[] = []) => [
  ...before,
  ...value
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean),
];

export function buildCommand(program: Command): void {
  program
    .command("build")
    .description("build one machine's share of a prepared release; asks no registry, needs no credential")
    .option("--prepared <text>", "what `prepare` put out, or its file (default: .twotier/prepared)")
    .option("--part <name>", "a part, as `prepare` lists them")
    .option("--platform <platforms>", "binaries for these platforms, and images that need no others", list)
    .option("--artifact <names>", "only these artifacts", list)
    .option("--out <dir>", "folder for the files, emptied first (default: .twotier/parts/NAME)")
    .option("--json", "print what was built as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier build --part playground-darwin-arm64
  twotier build --platform linux/amd64,linux/arm64 --out parts/linux
  twotier build --artifact sdk-python --out parts/python

In production it also builds the candidate once more, so that \`publish\` can compare them.`,
    )
    .action(async (flags: Flags) => {
      const { decodePrepared } = await import("../../release/prepared.ts");
      const dir = path.resolve(flags.cwd ?? ".");
      const prepared = await decodePrepared(flags.prepared ?? path.join(dir, ".twotier/prepared"));
      if (!prepared.build) return print(`nothing to build: ${safe(prepared.plan.reason)}`);
      const { context, session } = await openCliSession({
        ...{ tier: prepared.plan.tier, cwd: flags.cwd, verbose: flags.verbose, quiet: flags.json },
      });
      try {
        const { buildPart } = await import("../../release/part.ts");
        const { makeOwnFolder } = await import("../../release/folder.ts");
        const job = session.job();
        const { config, resolved } = await session.at(prepared.plan.source);
        const part = partOf(flags, config, resolved);
        const out = path.resolve(dir, flags.out ?? path.join(job.folder, "parts", part.name));
        await makeOwnFolder(job);
        const record = await buildPart(job, { plan: prepared.plan, config, resolved }, prepared, part, out);
        context.reporter.end();
        if (flags.json) return printJson(record);
        const files = record.built.flatMap((one) => one.files.map((file) => `  ${file.sha256}  ${safe(file.name)}`));
        const checks = record.checks.map((one) => `  ${safe(one.text)}`);
        print([`${safe(part.name)} of ${safe(prepared.plan.tag ?? "")} is in ${out}`, ...files, ...checks].join("\n"));
      } finally {
        await session.close();
        context.close();
      }
    });
}

/** @throws ReleaseError USAGE for a part, an artifact or a platform that the release hasn't */
function partOf({ part, platform, artifact }: Flags, config: Config, resolved: ResolvedArtifacts): Part {
  if (part !== undefined) {
    if (platform || artifact) {
      throw new ReleaseError("USAGE", "--part doesn't go with --platform and --artifact", { hint: "name one of them" });
    }
    const parts = [...partsOf(resolved), ...checksOf(config, null)];
    const found = parts.find((one) => one.name === part);
    if (found) return found;
    // A workflow may name the checks of a twotier.yaml that has none any more.
    if (part === checksPart) return { name: checksPart, artifacts: [], platforms: [] };
    throw new ReleaseError("USAGE", `--part: there is no part ${part}`, {
      hint: `one of ${parts.map((one) => one.name).join(", ")}`,
    });
  }
  if (!platform && !artifact) {
    throw new ReleaseError("USAGE", "which share of the build?", { hint: "add --part NAME, --platform or --artifact" });
  }
  const { artifacts } = resolved;
  const names = artifacts.filter((one) => one.type !== "go-module").map((one) => one.name);
  const wrong = artifact?.find((name) => !names.includes(name));
  if (wrong !== undefined) {
    throw new ReleaseError("USAGE", `--artifact: there is no artifact ${wrong} to build`, {
      hint: `one of ${names.join(", ")}`,
    });
  }
  const platforms = artifacts.flatMap((one) => (one.type === "go" || one.type === "image" ? one.platforms : []));
  const foreign = platform?.find((one) => !platforms.includes(one));
  if (foreign !== undefined) {
    throw new ReleaseError("USAGE", `--platform: nothing is built for ${foreign}`, {
      hint: platforms.length > 0 ? `one of ${[...new Set(platforms)].join(", ")}` : "name artifacts: --artifact",
    });
  }
  const name = [...(artifact ?? []), ...(platform ?? [])].join("-").replace(/[^\w.-]+/g, "-");
  return { name, artifacts: artifact ?? names, platforms: platform ?? [] };
}
