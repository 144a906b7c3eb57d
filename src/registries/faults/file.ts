import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { en } from "zod/locales";
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
  enum as oneOf,
  optional,
  prettifyError,
  strictObject,
  string,
  union,
  unknown,
} from "zod/mini";
import { ReleaseError } from "../../lib/errors.ts";

config({ jitless: true });

/** `git` is the part of the GitHub registry that speaks git's own protocol; `ci` gives jobs their ID tokens. */
export const faultyRegistries = ["npm", "pypi", "docker", "github", "git", "site", "ci"] as const;
export type FaultyRegistry = (typeof faultyRegistries)[number];

const seconds = int().check(minimum(0));
const bytes = int().check(minimum(0));

/** Which requests: all that are given must fit. */
const which = {
  registry: optional(oneOf(faultyRegistries)),
  /** One or several, separated by `|`; left out: any. */
  method: optional(string().check(minLength(1))),
  /** Glob over the path and query as they were sent: `*` is anything but `/`, `**` anything. Left out: any. */
  path: optional(string().check(minLength(1))),
  /** Fitting requests that pass first. Default 0. */
  after: optional(int().check(minimum(0))),
  /** Fitting requests that fail then. Default 1; `all`. */
  count: optional(union([int().check(minimum(1)), literal("all")])),
};
/** Whether the registry does what it was asked before it fails. Default `before`: it does nothing. */
const when = optional(oneOf(["before", "after"]));

const fault = discriminatedUnion("fault", [
  strictObject({ ...which, fault: literal("refuse"), when }),
  strictObject({ ...which, fault: literal("hang"), when }),
  strictObject({ ...which, fault: literal("cut"), bytes: optional(bytes) }),
  strictObject({
    ...which,
    fault: literal("status"),
    when,
    status: int().check(minimum(400), maximum(599)),
    retryAfter: optional(union([seconds, string()])),
    body: optional(unknown()),
  }),
  strictObject({ ...which, fault: literal("stale"), seconds }),
  strictObject({ ...which, fault: literal("corrupt") }),
  strictObject({ ...which, fault: literal("expire"), seconds: optional(seconds), uses: optional(int()) }),
  strictObject({ ...which, fault: literal("full"), bytes }),
  strictObject({ ...which, fault: literal("slow"), seconds }),
]);
export type Fault = Infer<typeof fault>;

/** Whom packages and projects trust; left out: any job. And how long what they give a job is good for. */
const trusted = {
  publishers: optional(
    array(
      strictObject({
        name: string(),
        repository: optional(string()),
        workflow: optional(string()),
        environment: optional(string()),
        distTags: optional(boolean()),
      }),
    ),
  ),
  tokenSeconds: optional(seconds),
};

const settings = strictObject({
  /** Added to every registry's clock. */
  clockSkewSeconds: optional(int()),
  npm: optional(
    strictObject({
      /** A version is accepted, but answers 404 for so long (npm's malware scan). */
      scanSeconds: optional(seconds),
      /** `NAME@VERSION` that stay in the scan. */
      stuck: optional(array(string())),
      ...trusted,
    }),
  ),
  pypi: optional(strictObject(trusted)),
  docker: optional(
    strictObject({
      tokenSeconds: optional(seconds),
      /** A tag can't be moved once it is set; globs over tags. */
      immutableTags: optional(array(string())),
      delete: optional(boolean()),
    }),
  ),
  github: optional(
    strictObject({
      /** New releases turn up in listings so much later. */
      listLagSeconds: optional(seconds),
      /** Every release that is published can't be changed any more. */
      immutableReleases: optional(boolean()),
    }),
  ),
});

const file = strictObject({ settings: optional(settings), faults: optional(array(fault)) });
export type FaultFile = Infer<typeof file>;

/**
 * Reads what goes wrong: YAML or JSON, as docs/faults.md has it.
 *
 * @param name where it came from, for messages
 * @throws ReleaseError USAGE with everything that is wrong with it
 */
export function parseFaults(text: string, name: string): FaultFile {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (cause) {
    throw wrong(name, cause instanceof Error ? cause.message : String(cause));
  }
  const result = file.safeParse(value, { error: en().localeError });
  if (!result.success) throw wrong(name, prettifyError(result.error));
  return result.data;
}

/** @throws ReleaseError IO when it can't be read, USAGE when it holds something else */
export function readFaults(path: string): FaultFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new ReleaseError("IO", `the faults in ${path} can't be read`, {
      cause,
      facts: { because: cause instanceof Error ? cause.message : undefined },
      hint: "check the path after --faults",
    });
  }
  return parseFaults(text, path);
}

function wrong(name: string, findings: string): ReleaseError {
  return new ReleaseError("USAGE", `${name} holds no faults that can be switched on`, {
    facts: { findings },
    hint: "docs/faults.md lists what there is",
  });
}

/** A glob over paths as a regular expression: `*` stops at slashes, `**` doesn't; all else stands for itself. */
export function globOf(pattern: string): RegExp {
  const parts = pattern
    .split(/(\*+)/)
    .map((part) =>
      /^\*+$/.test(part) ? (part.length > 1 ? ".*" : "[^/?]*") : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"),
    );
  return new RegExp(`^${parts.join("")}$`, "s");
}
