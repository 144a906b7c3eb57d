import type { Manifest } from "../../core/manifest.ts";
import type { ReleaseResult } from "../../release/job.ts";
import { bytes, type Style, safe, styleFor, table } from "./style.ts";

/** What a release left behind, for people. */
export function renderResult(result: ReleaseResult, style: Style = styleFor(process.stdout)): string {
  const { manifest, plan } = result;
  if (!manifest) return `nothing to do: ${safe(result.reason)}`;
  const lines = [
    style.bold(
      `${manifest.name} ${manifest.version} is ${result.pending.length > 0 ? "released, but not complete" : "released"}`,
    ),
    "",
    ...table(rows(manifest, result)).map((line) => `  ${line}`),
  ];
  for (const { target, id } of result.pending) {
    lines.push(
      "",
      `${style.yellow("pending")}  ${target} accepted ${safe(id)}, but doesn't hand it out yet; run the same command again later`,
    );
  }
  for (const { target, reason } of result.skipped) {
    lines.push(
      "",
      `${style.yellow("skipped")}  ${target} (${safe(reason)}); add it later: twotier release --resume ${safe(manifest.tag)}`,
    );
  }
  if (result.bookkeeping) lines.push("", `bookkeeping: ${safe(result.bookkeeping)}`);
  if (plan.notInRelease.length > 0) {
    lines.push("", `${leftBehind(plan)}; the next push makes a candidate of it`);
  }
  return lines.join("\n");
}

/** What is on the branch and not in the release, where there is something. */
export function leftBehind({ notInRelease: { length }, branch }: ReleaseResult["plan"]): string {
  return `${length === 1 ? "1 commit" : `${length} commits`} on ${safe(branch)} ${length === 1 ? "is" : "are"} not in it`;
}

/** Items as registry, id, and the pointers that were moved to it. */
export function rows(manifest: Manifest, result: ReleaseResult): string[][] {
  const out: string[][] = [];
  for (const item of manifest.items) {
    if (item.target === "github" || result.skipped.some((one) => one.target === item.target)) continue;
    if (item.target === "docker" && item.phase === "stage") continue;
    const to = result.moved.filter(
      (one) =>
        one.target === item.target &&
        manifest.pointers.some((pointer) => pointer.name === one.name && pointer.itemId === item.id),
    );
    const tags = to.map((one) => one.name.slice(Math.max(one.name.lastIndexOf("@"), one.name.lastIndexOf(":")) + 1));
    out.push([item.target, safe(item.id), tags.length > 0 ? `→ ${tags.join(", ")}` : ""]);
  }
  const assets = manifest.files.filter((file) => file.kind !== "image");
  if (manifest.items.some((item) => item.target === "github")) {
    const size = assets.reduce((sum, file) => sum + file.size, 0);
    const kind = manifest.tier === "staging" ? "pre-release" : "release";
    out.push(["github", `${kind} ${safe(manifest.tag)}, ${assets.length + 2} assets, ${bytes(size)}`, ""]);
  }
  return out;
}
