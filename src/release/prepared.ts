import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Plan, ReleaseFlags } from "../core/plan.ts";
import type { TargetName } from "../core/target.ts";
import { excerpt, ReleaseError } from "../lib/errors.ts";
import { productVersion } from "../lib/product.ts";

/** What `prepare` decides, and `build` and `publish` go on from on other machines. */
export interface Prepared {
  schema: 1;
  /** Version of the twotier that made it. */
  by: string;
  /** False: nothing is released, and `plan.reason` says why. */
  released: boolean;
  /** True: there is something to build. A sealed release that is finished has its bytes in its staging place. */
  build: boolean;
  flags: ReleaseFlags;
  skip: { target: TargetName; reason: string }[];
  /** What of `release` is left to `publish`: `--claim`, and not `--no-wait`. */
  claim: boolean;
  wait: boolean;
  /** Full sha of the commit that was asked for: the one whose twotier.yaml planned. */
  asked: string;
  /** Without what only people read. */
  plan: Plan;
  /** The release commit; null where nothing is built. */
  commit: string | null;
  /** The candidate that production builds once more, to compare with. */
  candidate: { tag: string; version: string; pythonVersion: string; commit: string; epoch: number } | null;
}

/** Bytes that an environment variable may have on Linux (MAX_ARG_STRLEN, 32 pages), less its name. */
const longest = 128 * 1024 - 64;

/**
 * One line of letters and digits: it goes through the outputs and variables of a CI. Compressed, because those are
 * limited; and so no part of it reads like a secret, for outputs that hold the text of one are dropped
 * (docs.github.com, "Passing information between jobs").
 *
 * @throws ReleaseError REFUSED when it is too long for a variable
 */
export function encodePrepared(prepared: Prepared): string {
  const plan: Plan = { ...prepared.plan, items: [], steps: [], conditions: [], ignoredTags: [], notInRelease: [] };
  // The changes of a production release are stamped into its CHANGELOG.md; a candidate's aren't.
  if (plan.tier === "staging") plan.changes = [];
  const text = deflateRawSync(JSON.stringify({ ...prepared, plan }), { level: 9 }).toString("base64url");
  if (text.length > longest) {
    throw new ReleaseError("REFUSED", `${plan.tag} has ${plan.changes.length} changes: too many for a matrix of jobs`, {
      hint: "release it in one job: twotier release",
    });
  }
  return text;
}

const hint = "run `twotier prepare --tier TIER` first; it writes .twotier/prepared";

/**
 * @param value what `encodePrepared` made, or the path of a file with it
 * @throws ReleaseError USAGE when it is neither, or another twotier made it
 */
export async function decodePrepared(value: string): Promise<Prepared> {
  const file = isFile(value);
  if (!file && /[^\w-]/.test(value.trim())) {
    throw new ReleaseError("USAGE", `--prepared: there is no file ${excerpt(value, 200)}`, { hint });
  }
  const text = (file ? await readFile(value, "utf8") : value).trim();
  let found: Partial<Prepared> | null;
  try {
    found = JSON.parse(inflateRawSync(Buffer.from(text, "base64url"), { maxOutputLength: 64 << 20 }).toString());
  } catch (cause) {
    throw new ReleaseError("USAGE", `--prepared: ${file ? value : "that"} isn't what \`twotier prepare\` put out`, {
      cause,
      hint,
    });
  }
  if (found?.schema !== 1 || found.by !== productVersion) {
    throw new ReleaseError("USAGE", `--prepared was made by twotier ${found?.by}, and this is ${productVersion}`, {
      hint: "use one version in all jobs: twotier generate workflow",
    });
  }
  return found as Prepared;
}

/** False also for what is too long to be a path. */
function isFile(value: string): boolean {
  try {
    return statSync(value).isFile();
  } catch {
    return false;
  }
}
