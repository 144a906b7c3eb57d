import { safeParse } from "zod/mini";
import { crossCheck } from "./checks.ts";
import { cleanPath, fillArtifact, fillConditions, fillInstaller, fillTargets } from "./defaults.ts";
import { type KeyPath, type Locate, mistake, type Place, readDocument, throwAll } from "./document.ts";
import { explainIssues, type Issue } from "./findings.ts";
import { notifyEvents } from "./notify.ts";
import { configSchema, type RawConfig, schemaVersion } from "./schema.ts";
import type { Config } from "./types.ts";

const places = new WeakMap<Config, { file: string; locate: Locate }>();

/**
 * Reads twotier.yaml. Pure.
 *
 * @param text contents of the file at the source commit
 * @param file its name, for messages
 * @throws ReleaseError CONFIG with all mistakes at once (`findings`), each with file, line, column and remedy;
 *   a single mistake is thrown itself
 */
export function parseConfig(text: string, file = "twotier.yaml"): Config {
  const { value, locate } = readDocument(text, file);
  if (typeof value.schema === "number" && value.schema > schemaVersion) {
    const what = `written for a newer twotier (schema ${value.schema}; this one knows ${schemaVersion})`;
    throw mistake(locate(["schema"]), what, "install the newest twotier: npm install --global twotier@latest", [
      "schema",
    ]);
  }
  const first = safeParse(configSchema, value);
  const mistakes = first.success ? [] : explainIssues(first.error.issues as Issue[], value, locate);
  const raw = first.success ? first.data : withoutFaults(value, first.error.issues as Issue[]);
  if (raw) mistakes.push(...crossCheck(raw, locate, first.success));
  throwAll(mistakes, file);
  const config = fill(raw as RawConfig);
  places.set(config, { file, locate });
  return config;
}

/** Where a setting of a config that `parseConfig` read is written. */
export function placeOf(config: Config, path: KeyPath): Place {
  const known = places.get(config);
  return known ? known.locate(path) : { file: "twotier.yaml" };
}

/** The document without its unknown and wrong keys, so that what is left can be checked too; null where that isn't possible. */
function withoutFaults(value: unknown, issues: readonly Issue[]): RawConfig | null {
  const copy = structuredClone(value);
  for (const issue of issues) {
    const keys = issue.keys ?? [issue.path.at(-1)];
    const path = issue.keys ? issue.path : issue.path.slice(0, -1);
    let parent = copy as Record<PropertyKey, unknown> | undefined;
    for (const key of path) parent = parent?.[key] as Record<PropertyKey, unknown> | undefined;
    if (typeof parent !== "object" || parent === null || Array.isArray(parent)) return null;
    for (const key of keys) if (key !== undefined) delete parent[key];
  }
  const again = safeParse(configSchema, copy);
  return again.success ? again.data : null;
}

function fill(raw: RawConfig): Config {
  const version = raw.version ?? {};
  const targets = fillTargets(raw.targets);
  return {
    name: raw.name,
    repository: raw.repository,
    trigger: { branch: raw.trigger?.branch ?? null, paths: raw.trigger?.paths ?? ["**"] },
    version: {
      file: version.file === undefined ? "VERSION" : version.file === null ? null : cleanPath(version.file),
      stamp:
        version.stamp?.map((stamp) =>
          typeof stamp === "string" ? { file: cleanPath(stamp) } : { ...stamp, file: cleanPath(stamp.file) },
        ) ?? null,
      tag: version.tag ?? "v{version}",
      gaps: version.gaps ?? "refuse",
    },
    tiers: {
      staging: { label: raw.tiers?.staging?.label ?? "rc" },
      production: {
        bookkeeping: raw.tiers?.production?.bookkeeping ?? "push",
        conditions: fillConditions(raw),
      },
    },
    artifacts: raw.artifacts?.map((artifact) => fillArtifact(artifact, raw)) ?? null,
    targets,
    installer: fillInstaller(raw.installer, targets.site !== undefined),
    checks: raw.checks ?? [],
    notify: (raw.notify ?? []).map(({ type, env, on, template }) => ({
      ...{ type, env, on: on ?? [...notifyEvents], template: template ?? null },
    })),
  };
}
