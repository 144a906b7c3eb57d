import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { checksOf, partsOf, runnerOf, toolsOf } from "../../config/parts.ts";
import type { Planned } from "../../release/job.ts";
import type { Prepared } from "../../release/prepared.ts";
import { print, printJson } from "../context.ts";
import { tellingFailures } from "../notify.ts";
import { nothingSummary, stepOutputs } from "../output/actions.ts";
import { safe } from "../output/style.ts";
import { openCliSession, type SessionFlags, withSessionFlags } from "../session.ts";

interface Flags extends SessionFlags {
  out?: string;
  env?: string;
}

export function prepareCommand(program: Command): void {
  withSessionFlags(program.command("prepare"))
    .description("decide what is released, for `build` on several machines and `publish` on one; writes to no registry")
    .option("--out <file>", "where to write it, for --prepared of the others (default: .twotier/prepared)")
    .option("--env <file>", "also write TWOTIER_RELEASED, _BUILD, _TIER, _VERSION and _TAG as NAME=VALUE lines")
    .option("--json", "print it as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier prepare --tier staging                  then, on any number of machines, in clones of the same commit:
  twotier build --part NAME --out parts/NAME      and with all their folders in one:
  twotier publish --parts parts

On GitHub Actions its outputs are released, build, tier, version, tag, matrix and prepared.
\`twotier generate workflow\` writes jobs that do it.`,
    )
    .action(async (flags: Flags) => {
      const { context, session } = await openCliSession({ ...flags, quiet: flags.json });
      try {
        const { prepareRelease } = await import("../../release/begin.ts");
        const { encodePrepared } = await import("../../release/prepared.ts");
        const { makeOwnFolder } = await import("../../release/folder.ts");
        const job = session.job();
        const { planned, prepared } = await tellingFailures(context, session, flags.tier ?? "staging", async () => {
          const planned = await session.plan();
          const { stdout } = await job.git(["rev-parse", "--verify", `${flags.source ?? "HEAD"}^{commit}`]);
          const prepared = await prepareRelease(job, planned, {
            asked: stdout.trim(),
            flags: session.flags,
            skip: [...job.skip],
            claim: flags.claim ?? false,
            wait: flags.wait ?? true,
          });
          return { planned, prepared };
        });
        const text = encodePrepared(prepared);
        await makeOwnFolder(job);
        await writeFile(path.resolve(context.dir, flags.out ?? path.join(job.folder, "prepared")), `${text}\n`);
        const { tier, version, tag } = prepared.plan;
        const facts = {
          ...{ released: String(prepared.released), build: String(prepared.build), tier },
          ...{ version: version ?? "", tag: tag ?? "" },
        };
        const parts = prepared.build ? matrixOf(planned) : [];
        await stepOutputs(context.environment, { ...facts, matrix: JSON.stringify(parts), prepared: text });
        if (!prepared.released) await nothingSummary(context.environment, prepared.plan.reason);
        if (flags.env !== undefined) {
          const lines = Object.entries(facts).map(([name, value]) => `TWOTIER_${name.toUpperCase()}=${value}\n`);
          await writeFile(path.resolve(context.dir, flags.env), lines.join(""));
        }
        for (const warning of prepared.plan.warnings) context.io.emit({ type: "warning", message: warning });
        context.reporter.end();
        if (flags.json) printJson(documentOf(prepared, parts));
        else print(sentenceOf(prepared, parts));
      } finally {
        await session.close();
        context.close();
      }
    });
}

/** One entry of the matrix: a part, and what its machine needs. */
interface MatrixEntry {
  name: string;
  runner: string;
  go: boolean;
  python: boolean;
  dockerfile: boolean;
}

function matrixOf({ plan, config, resolved }: Planned): MatrixEntry[] {
  const all = resolved.artifacts.map((artifact) => artifact.name);
  const parts = partsOf(resolved).map((part) => ({
    ...{ name: part.name, runner: runnerOf(resolved, part) },
    ...toolsOf(resolved, part.artifacts),
  }));
  // The commands of the checks may need what any builder does.
  const checks = checksOf(config, plan.tier).map(({ name }) => ({
    ...{ name, runner: "ubuntu-latest" },
    ...toolsOf(resolved, all),
  }));
  return [...parts, ...checks];
}

function documentOf({ released, build, plan, commit }: Prepared, parts: readonly MatrixEntry[]) {
  const { tier, version, tag, source, candidate, reason, warnings } = plan;
  return { schema: 1, released, build, tier, version, tag, source, commit, candidate, reason, parts, warnings };
}

function sentenceOf({ released, build, plan }: Prepared, parts: readonly MatrixEntry[]): string {
  if (!released) return `nothing to do: ${safe(plan.reason)}`;
  if (!build) return `${safe(plan.tag ?? "")} is sealed: publish finishes it, nothing is built`;
  const lines = parts.map(({ name }) => `  ${safe(name)}`);
  return [`${safe(plan.tag ?? "")} is prepared, to be built in ${parts.length} parts:`, ...lines].join("\n");
}
