import type { RawArtifact, RawConfig } from "./schema.ts";
import type { Artifact, Conditions, InstallerConfig, SiteConfig, TargetsConfig } from "./types.ts";

export const goPlatforms: readonly string[] = ["darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64"];
export const imagePlatforms: readonly string[] = ["linux/amd64", "linux/arm64"];

/** `./sdk//go/` -> `sdk/go`; `./` -> `.` */
export function cleanPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/") || ".";
}

/** An artifact with everything that it leaves out. */
export function fillArtifact(raw: RawArtifact, config: Pick<RawConfig, "repository">): Artifact {
  const smoke = raw.smoke === undefined ? {} : { smoke: raw.smoke };
  const base = { name: raw.name, dir: cleanPath(raw.dir ?? "."), ...smoke };
  switch (raw.type) {
    case "go":
      return {
        type: "go",
        ...base,
        package: raw.package ?? ".",
        platforms: raw.platforms ?? [...goPlatforms],
        ldflags: raw.ldflags ?? "-s -w -X main.version={version}",
        env: texts(raw.env),
      };
    case "python":
      return { type: "python", ...base, formats: raw.formats ?? ["wheel", "sdist"], isolated: raw.isolated ?? true };
    case "npm":
      return { type: "npm", ...base, script: raw.script };
    case "image":
      return {
        type: "image",
        ...base,
        repository: raw.repository ?? config.repository.toLowerCase(),
        platforms: raw.platforms ?? [...imagePlatforms],
        dockerfile: raw.dockerfile ?? null,
        base: raw.base === undefined ? "scratch" : cleanPath(raw.base),
        files: Object.fromEntries(Object.entries(raw.files ?? {}).map(([to, from]) => [to, cleanPath(from)])),
        entrypoint: raw.entrypoint ?? [],
        labels: raw.labels ?? {},
        env: texts(raw.env),
        ports: raw.ports ?? [],
        user: raw.user === undefined || raw.user === null ? null : String(raw.user),
      };
    case "go-module":
      return { type: "go-module", ...base };
    case "command":
      return {
        type: "command",
        ...base,
        run: raw.run,
        files: raw.files,
        ...(raw.after ? { after: raw.after } : {}),
        ...(raw.kind ? { kind: raw.kind } : {}),
        ...(raw.package ? { package: raw.package } : {}),
      };
  }
}

/** Targets that are on. Without the key a release is a GitHub release (two-tier.md, "Commands"). */
export function fillTargets(raw: RawConfig["targets"]): TargetsConfig {
  if (raw === undefined) return { github: { assets: true } };
  const targets: TargetsConfig = {};
  const on = <T extends object>(setting: boolean | T | undefined): Partial<T> | null =>
    setting === undefined || setting === false ? null : setting === true ? {} : setting;
  const npm = on(raw.npm);
  if (npm) {
    targets.npm = {
      registry: npm.registry ?? "https://registry.npmjs.org",
      tags: { staging: npm.tags?.staging ?? "next", production: npm.tags?.production ?? "latest" },
      access: npm.access ?? "public",
    };
  }
  const pypi = on(raw.pypi);
  if (pypi) {
    targets.pypi = {
      upload: pypi.upload ?? "https://upload.pypi.org/legacy/",
      index: pypi.index ?? "https://pypi.org/simple/",
    };
  }
  const docker = on(raw.docker);
  if (docker) {
    targets.docker = {
      registry: docker.registry ?? "docker.io",
      tags: {
        staging: many(docker.tags?.staging) ?? ["staging-{version}"],
        production: many(docker.tags?.production) ?? ["v{version}"],
      },
      pointers: {
        staging: many(docker.pointers?.staging) ?? [],
        production: many(docker.pointers?.production) ?? ["latest"],
      },
    };
  }
  const github = on(raw.github);
  if (github) targets.github = { assets: github.assets ?? true };
  if (on(raw.go)) targets.go = {};
  const site = on(raw.site);
  if (site) targets.site = fillSite(site);
  return targets;
}

type RawSite = Exclude<NonNullable<NonNullable<RawConfig["targets"]>["site"]>, boolean>;

function fillSite({ branch, dir, folder, bucket, endpoint, region }: RawSite): SiteConfig {
  if (bucket !== undefined) {
    const [name = "", ...prefix] = bucket.split("/");
    return {
      kind: "bucket",
      bucket: name,
      prefix: prefix.map((part) => `${part}/`).join(""),
      endpoint: endpoint?.replace(/\/+$/, "") ?? null,
      region: region ?? null,
    };
  }
  if (folder !== undefined) return { kind: "folder", folder };
  return { kind: "branch", branch: branch ?? "gh-pages", dir: cleanPath(dir ?? ".") };
}

/** @param site true where the target `site` keeps channel files */
export function fillInstaller(raw: RawConfig["installer"], site = false): InstallerConfig | null {
  if (raw === undefined || raw === false) return null;
  const { command, root, url, channels, minisign, attestations } = raw === true ? {} : raw;
  return {
    command: command ?? null,
    root: root ?? null,
    url: url?.replace(/\/+$/, "") ?? null,
    channels: channels ?? site,
    minisign: minisign ?? null,
    attestations: attestations ?? false,
  };
}

function many(value: string | string[] | undefined): string[] | undefined {
  return typeof value === "string" ? [value] : value;
}

/** YAML reads `CGO_ENABLED: 0` as a number; an environment holds texts. */
function texts(env: Record<string, string | number | boolean> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(env ?? {}).map(([key, value]) => [key, String(value)]));
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const unitSeconds: Record<string, number> = { m: 60, h: 3600, d: 86_400 };

export function fillConditions(raw: Pick<RawConfig, "tiers" | "checks">): Conditions {
  const {
    verified,
    minAge = "0m",
    checks,
    docs,
    changelog,
    approvers,
    window,
  } = raw.tiers?.production?.conditions ?? {};
  const [from = "00:00", to = "24:00"] = window?.hours?.split("-") ?? [];
  return {
    verified: verified ?? false,
    minAge: Number.parseInt(minAge, 10) * (unitSeconds[minAge.slice(-1)] ?? 0),
    checks: checks === true ? (raw.checks ?? []) : checks === false ? [] : (checks ?? []),
    docs: (docs ?? []).map(cleanPath),
    changelog: changelog ?? false,
    approvers: approvers ?? [],
    window: window ? { days: window.days ?? days, from, to, timezone: window.timezone ?? "UTC" } : null,
  };
}
