import picomatch from "picomatch";
import type { ReleaseError } from "../lib/errors.ts";
import { pythonLabels } from "../version/pep440.ts";
import { checkArtifacts, checkOutlets } from "./artifact-checks.ts";
import { fillArtifact, fillTargets } from "./defaults.ts";
import { type KeyPath, type Locate, mistake, spell } from "./document.ts";
import { placeholders } from "./notify.ts";
import type { RawConfig } from "./schema.ts";
import type { TargetsConfig } from "./types.ts";

/**
 * Mistakes that no single key shows: settings that contradict each other, or break a rule of the two tiers.
 *
 * @param whole false when faulty keys were taken out: then nothing is said about what is missing
 */
export function crossCheck(raw: RawConfig, locate: Locate, whole: boolean): ReleaseError[] {
  const found: ReleaseError[] = [];
  const report = (path: KeyPath, what: string, hint: string) =>
    void found.push(mistake(locate(path), what, hint, path));
  const targets = fillTargets(raw.targets);
  const artifacts = raw.artifacts?.map((artifact) => fillArtifact(artifact, raw));

  checkGlobs(raw, report);
  checkTag(raw.version?.tag, report);
  checkPointers(targets, report);
  checkSite(raw, whole, report);
  checkConditions(raw, whole, report);
  checkNotify(raw, report);
  const label = raw.tiers?.staging?.label;
  if (targets.pypi && label !== undefined && !pythonLabels.includes(label)) {
    report(
      ["tiers", "staging", "label"],
      `the label ${label} can't be spelt in PEP 440, which PyPI wants`,
      `with a target pypi the label is one of ${pythonLabels.join(", ")} (peps.python.org/pep-0440)`,
    );
  }
  const stamps = new Map<string, number>();
  for (const [index, stamp] of (raw.version?.stamp ?? []).entries()) {
    const key = typeof stamp === "string" ? stamp : `${stamp.file}\n${stamp.pattern ?? ""}`;
    const path = ["version", "stamp", index];
    if (stamps.has(key))
      report(path, `${spell(path)} says the same as version.stamp[${stamps.get(key)}]`, "remove one of them");
    else stamps.set(key, index);
  }
  if (artifacts) {
    checkArtifacts(artifacts, whole, report);
    if (whole) checkOutlets(artifacts, targets, raw, report);
  }
  return found;
}

/** Templates of notifications hold known names alone. */
function checkNotify({ notify }: RawConfig, report: Report): void {
  for (const [index, { template = "" }] of (notify ?? []).entries()) {
    for (const [, name = ""] of template.matchAll(/\{(\w+)\}/g)) {
      if ((placeholders as readonly string[]).includes(name)) continue;
      const hint = `the names are ${placeholders.map((one) => `{${one}}`).join(", ")}`;
      report(["notify", index, "template"], `notify[${index}].template: there is no {${name}}`, hint);
    }
  }
}

function checkConditions({ tiers, checks }: RawConfig, whole: boolean, report: Report): void {
  const at = ["tiers", "production", "conditions"];
  const { checks: asked, window } = tiers?.production?.conditions ?? {};
  if (whole && asked === true && (checks ?? []).length === 0) {
    const hint = "name them: `checks: [make test]` at the top, or a list here";
    report([...at, "checks"], "tiers.production.conditions.checks is on, but there are no checks", hint);
  }
  if (window?.timezone !== undefined) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: window.timezone });
    } catch {
      const what = `tiers.production.conditions.window.timezone: there is no time zone ${window.timezone}`;
      report([...at, "window", "timezone"], what, "take a name of the IANA database, e.g. Europe/Berlin or UTC");
    }
  }
  const [from, to] = window?.hours?.split("-") ?? [];
  if (from !== undefined && from === to) {
    report([...at, "window", "hours"], "tiers.production.conditions.window.hours is empty", "write e.g. 09:00-16:30");
  }
}

/** Takes a mistake: the setting it is about, what is wrong, what to do. */
export type Report = (path: KeyPath, what: string, hint: string) => void;

function checkGlobs(raw: RawConfig, report: Report): void {
  const check = (glob: string, path: KeyPath) => {
    try {
      picomatch.makeRe(glob.replace(/^!/, ""), { strictBrackets: true });
    } catch (cause) {
      report(
        path,
        `${spell(path)} isn't a glob: ${(cause as Error).message.replace(/ - use .*/s, "")}`,
        "close the bracket, or write \\ before it",
      );
    }
  };
  const { paths } = raw.trigger ?? {};
  for (const [index, glob] of (paths ?? []).entries()) check(glob, ["trigger", "paths", index]);
  if (paths?.every((glob) => glob.startsWith("!"))) {
    report(
      ["trigger", "paths"],
      "trigger.paths only takes files away, so that nothing triggers a release",
      'begin with "**"',
    );
  }
  for (const [index, artifact] of (raw.artifacts ?? []).entries()) {
    if (artifact.type !== "command") continue;
    for (const [at, glob] of artifact.files.entries()) check(glob, ["artifacts", index, "files", at]);
  }
}

/** The site of the install scripts: one place, and the address that users know it by. */
function checkSite({ targets, installer }: RawConfig, whole: boolean, report: Report): void {
  const site = targets?.site;
  if (site === undefined || site === false) return;
  if (site !== true) {
    const places = (["branch", "folder", "bucket"] as const).filter((key) => site[key] !== undefined);
    if (places.length > 1) {
      report(
        ["targets", "site"],
        `targets.site names ${places.join(" and ")}: a site is in one place`,
        "keep one of them",
      );
    }
    for (const [key, needs] of [
      ["dir", "branch"],
      ["endpoint", "bucket"],
      ["region", "bucket"],
    ] as const) {
      const fits = needs === "branch" ? places.every((place) => place === "branch") : places.includes(needs);
      if (site[key] !== undefined && !fits) {
        report(
          ["targets", "site", key],
          `targets.site.${key} says nothing without a ${needs}`,
          `remove it, or add ${needs}`,
        );
      }
    }
  }
  if (whole && !(typeof installer === "object" && installer.url !== undefined)) {
    report(
      ["targets", "site"],
      "targets.site is on, but installer.url doesn't say what its address is",
      "add `installer: { url: https://... }`",
    );
  }
}

function checkTag(tag: string | undefined, report: Report): void {
  if (tag === undefined) return;
  const path = ["version", "tag"];
  if (tag.split("{version}").length !== 2) {
    report(path, `version.tag is "${tag}", which holds {version} more than once`, 'write it once: "v{version}"');
  }
  // git check-ref-format: what a ref's name must not hold
  const name = tag.replaceAll("{version}", "1.2.3-rc.4");
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|^-|\/$|\.$|\.lock(\/|$)|(^|\/)\.|^@$/.test(name)) {
    report(
      path,
      `version.tag is "${tag}", which git doesn't take as a tag's name`,
      "git check-ref-format says what is allowed",
    );
  }
}

function checkPointers({ npm, docker }: TargetsConfig, report: Report): void {
  if (npm && npm.tags.staging === npm.tags.production) {
    report(
      ["targets", "npm", "tags"],
      `targets.npm.tags: both tiers have the dist-tag ${npm.tags.production}`,
      "a candidate must not come to those who install the stable version: give staging its own, e.g. next",
    );
  } else if (npm?.tags.staging === "latest") {
    const hint = "npm installs latest where nothing else is asked: give staging another, e.g. next";
    report(["targets", "npm", "tags", "staging"], "targets.npm.tags.staging is latest", hint);
  }
  for (const pointer of docker?.pointers.staging ?? []) {
    if (pointer !== "latest" && !docker?.pointers.production.includes(pointer)) continue;
    report(
      ["targets", "docker", "pointers", "staging"],
      `targets.docker.pointers.staging holds ${pointer}, which belongs to production`,
      "a candidate must not come to those who pull the stable image: give staging its own, e.g. staging",
    );
  }
  for (const tier of ["staging", "production"] as const) {
    const { [tier]: tags = [] } = docker?.tags ?? {};
    const path = ["targets", "docker", "tags", tier];
    const doubled = tags.find((tag, index) => tags.indexOf(tag) !== index);
    if (doubled !== undefined) report(path, `${spell(path)} holds ${doubled} twice`, "remove one of them");
    if (docker && !tags.some((tag) => tag.includes("{version}"))) {
      report(
        path,
        `${spell(path)} has no tag with {version}`,
        `add one, e.g. ${tier === "staging" ? "staging-" : "v"}{version}`,
      );
    }
    const moving = tags.find((tag) => !/\{(?:version|commit)\}/.test(tag));
    if (moving !== undefined) {
      const hint = `a tag of tags is never moved; write it in pointers.${tier}`;
      report(path, `${spell(path)} holds ${moving}, which the next release would have too`, hint);
    }
    const fixed = docker?.pointers[tier].find((tag) => /\{(?:version|commit)\}/.test(tag));
    if (fixed !== undefined) {
      const at = ["targets", "docker", "pointers", tier];
      report(at, `${spell(at)} holds ${fixed}, which never moves`, `write it in tags.${tier}`);
    }
  }
}
