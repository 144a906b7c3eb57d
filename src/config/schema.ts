import {
  array,
  boolean,
  config,
  discriminatedUnion,
  type infer as Infer,
  int,
  literal,
  maximum,
  minimum,
  minLength,
  nullable,
  number,
  enum as oneOf,
  optional,
  record,
  regex,
  strictObject,
  string,
  union,
} from "zod/mini";
import { unprintable } from "./document.ts";

// Compiling validators pays only for many documents: there is one twotier.yaml.
config({ jitless: true });

/** Version of twotier.yaml's own format. */
export const schemaVersion = 1;

const text = (pattern: RegExp, rule: string) => string().check(regex(pattern, rule));

/** Relative, with slashes, never upwards. */
const relative = String.raw`(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))(?![A-Za-z]:)[^\\${unprintable}]+`;
const file = text(
  new RegExp(`^${relative}$`),
  "must be a path inside the repository, relative to its root, without ..",
);
const glob = text(
  new RegExp(`^(?!!)${relative}$`),
  "must be a glob relative to the repository's root, without .. and without a leading !",
);
/** The last glob that matches decides, and `!glob` takes away, as in GitHub's `on.push.paths`. */
const triggerGlob = text(
  new RegExp(`^!?(?!!)${relative}$`),
  "must be a glob relative to the repository's root, without ..; ! in front takes files away",
);
const line = text(new RegExp(`^[^${unprintable}]+$`), "must be one line of printable text");
const templated = text(
  /^(?:[^{}]|\{version\})*\{version\}(?:[^{}]|\{version\})*$/,
  "must hold {version}, and no other {...}",
);
const httpUrl = text(
  /^(?:https:\/\/|http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/]|$))[^\s@?#]+$/,
  "must be an https address (http only on this machine), without credentials",
);
const shellName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const environment = record(
  text(shellName, "must be the name of an environment variable"),
  union([string(), number(), boolean()]),
);

const stamp = union([
  file,
  strictObject({
    file,
    pattern: optional(string().check(regex(/\{version\}/, "must hold {version}"))),
    count: optional(int().check(minimum(1), maximum(1000))),
    form: optional(oneOf(["semver", "pep440"])),
  }),
]);

const name = text(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  "must be 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a letter or digit",
);
const base = { name, dir: optional(file), smoke: optional(line) };

const platform = text(
  /^[a-z0-9]+\/[a-z0-9]+(?:\/v\d+)?$/,
  "must be OS/ARCH or OS/ARCH/VARIANT as Go spells them, e.g. linux/amd64, darwin/arm64 or linux/arm/v7",
);

const artifact = discriminatedUnion("type", [
  strictObject({
    type: literal("go"),
    ...base,
    package: optional(text(/^\.(?:\/[^\\\x00-\x20]*)?$/, "must begin with ./, e.g. ./cmd/playground")),
    platforms: optional(array(platform).check(minLength(1))),
    ldflags: optional(line),
    env: optional(environment),
  }),
  strictObject({
    type: literal("python"),
    ...base,
    formats: optional(array(oneOf(["wheel", "sdist"])).check(minLength(1))),
    isolated: optional(boolean()),
  }),
  strictObject({
    type: literal("npm"),
    ...base,
    script: optional(nullable(line)),
  }),
  strictObject({
    type: literal("image"),
    ...base,
    repository: optional(
      text(
        /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/,
        "must be an image's name without host and tag, in lower case, e.g. playground/control-plane",
      ),
    ),
    platforms: optional(array(platform).check(minLength(1))),
    dockerfile: optional(nullable(file)),
    base: optional(file),
    files: optional(record(text(new RegExp(`^/?${relative}$`), "must be a path without .."), file)),
    entrypoint: optional(array(string())),
    labels: optional(record(line, string())),
    env: optional(environment),
    ports: optional(array(int().check(minimum(1), maximum(65535)))),
    user: optional(nullable(union([line, int().check(minimum(0))]))),
  }),
  strictObject({ type: literal("go-module"), ...base }),
  strictObject({
    type: literal("command"),
    ...base,
    run: string().check(minLength(1)),
    files: array(glob).check(minLength(1)),
    after: optional(array(line)),
    kind: optional(oneOf(["binary", "wheel", "sdist", "npm", "file"])),
    package: optional(line),
  }),
]);

const tagPart = String.raw`\{(?:version|major|minor|patch|commit)\}`;
const tagRule = "letters, digits, dots, hyphens, underscores, {version}, {major}, {minor}, {patch} and {commit}";
const imageTag = text(new RegExp(`^(?:\\w|${tagPart})(?:[\\w.-]|${tagPart})*$`), `must be an image tag of ${tagRule}`);
const oneOrMore = (item: typeof imageTag) => union([item, array(item)]);
/** npm refuses dist-tags that read as a version range (npm dist-tag, "Caveats"). */
const distTag = text(
  /^(?!v?\d)(?!x$)[A-Za-z][A-Za-z0-9._-]*$/i,
  "must be a dist-tag: it begins with a letter and doesn't read as a version",
);

const targets = strictObject({
  npm: optional(
    union([
      boolean(),
      strictObject({
        registry: optional(httpUrl),
        tags: optional(strictObject({ staging: optional(distTag), production: optional(distTag) })),
        access: optional(oneOf(["public", "restricted"])),
      }),
    ]),
  ),
  pypi: optional(union([boolean(), strictObject({ upload: optional(httpUrl), index: optional(httpUrl) })])),
  docker: optional(
    union([
      boolean(),
      strictObject({
        registry: optional(text(/^[a-z0-9.-]+(?::\d+)?$/i, "must be a registry's host, e.g. docker.io or ghcr.io")),
        tags: optional(
          strictObject({ staging: optional(oneOrMore(imageTag)), production: optional(oneOrMore(imageTag)) }),
        ),
        pointers: optional(
          strictObject({ staging: optional(oneOrMore(imageTag)), production: optional(oneOrMore(imageTag)) }),
        ),
      }),
    ]),
  ),
  github: optional(union([boolean(), strictObject({ assets: optional(boolean()) })])),
  go: optional(union([boolean(), strictObject({})])),
  site: optional(
    union([
      boolean(),
      strictObject({
        branch: optional(line),
        dir: optional(file),
        folder: optional(line),
        bucket: optional(
          text(
            /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9._-]+)*$/,
            "must be a bucket's name, and a prefix where there is one: hanzo-site, or hanzo-site/install",
          ),
        ),
        endpoint: optional(httpUrl),
        region: optional(text(/^[a-z0-9-]+$/i, "must be a region, e.g. eu-central-1 or auto")),
      }),
    ]),
  ),
});

/** What must hold before production. */
const conditions = strictObject({
  verified: optional(boolean()),
  minAge: optional(text(/^\d{1,4}[mhd]$/, "must be a number of minutes, hours or days: 30m, 24h, 7d")),
  checks: optional(union([boolean(), array(line).check(minLength(1))])),
  docs: optional(array(file).check(minLength(1))),
  changelog: optional(boolean()),
  approvers: optional(array(line).check(minLength(1))),
  window: optional(
    strictObject({
      days: optional(array(oneOf(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])).check(minLength(1))),
      hours: optional(
        text(/^(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$/, "must be two times of day: 09:00-16:30"),
      ),
      timezone: optional(text(/^[A-Za-z0-9+_/-]+$/, "must be a time zone's name, e.g. Europe/Berlin")),
    }),
  ),
});

const installer = strictObject({
  command: optional(name),
  root: optional(
    text(
      /^(?:~\/|\/)(?!(?:.*\/)?\.\.(?:\/|$))[A-Za-z0-9._/-]*[A-Za-z0-9._-]$/,
      "must begin with ~/ or /, and hold letters, digits, dots, hyphens, underscores and slashes",
    ),
  ),
  url: optional(httpUrl),
  channels: optional(boolean()),
  minisign: optional(text(/^[A-Za-z0-9+/]{56}$/, "must be minisign's public key: the second line of its .pub file")),
  attestations: optional(boolean()),
});

/** twotier.yaml as it is written. describe.ts says what each key means; schema/twotier.schema.json is made from both. */
export const configSchema = strictObject({
  schema: optional(literal(schemaVersion)),
  name,
  repository: text(
    /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/[A-Za-z0-9._-]{1,100}$/,
    "must be owner/name, e.g. hanzoai/playground",
  ),
  trigger: optional(strictObject({ branch: optional(line), paths: optional(array(triggerGlob).check(minLength(1))) })),
  version: optional(
    strictObject({
      file: optional(nullable(file)),
      stamp: optional(array(stamp)),
      tag: optional(templated),
      gaps: optional(oneOf(["refuse", "allow"])),
    }),
  ),
  tiers: optional(
    strictObject({
      staging: optional(
        strictObject({ label: optional(text(/^[a-z]+$/, "must be lower-case letters, e.g. rc, beta or alpha")) }),
      ),
      production: optional(
        strictObject({
          bookkeeping: optional(oneOf(["push", "pull-request", "off"])),
          conditions: optional(conditions),
        }),
      ),
    }),
  ),
  artifacts: optional(array(artifact)),
  targets: optional(targets),
  installer: optional(union([boolean(), installer])),
  checks: optional(array(line)),
  notify: optional(
    array(
      strictObject({
        type: oneOf(["webhook", "slack", "discord"]),
        env: text(shellName, "must be the name of an environment variable; the address in it is a secret"),
        on: optional(array(oneOf(["staging", "production", "failure"])).check(minLength(1))),
        template: optional(string().check(minLength(1))),
      }),
    ),
  ),
});

export type RawConfig = Infer<typeof configSchema>;
export type RawArtifact = NonNullable<RawConfig["artifacts"]>[number];
