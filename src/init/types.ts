import type { RawArtifact, RawConfig } from "../config/schema.ts";
import type { Version } from "../version/version.ts";

/** Where a repository is kept, by its remote's address. */
export interface Remote {
  /** `github.com`, or a GitHub Enterprise host. */
  host: string;
  owner: string;
  name: string;
  provider: "github" | "gitlab" | "other";
}

/** What git tells of a repository. */
export interface Place {
  /** Where releases go: `origin`, or the only remote; null without one, or where its address isn't a host's. */
  remote: Remote | null;
  /** Another remote, called `upstream`: then this is a fork. */
  upstream: Remote | null;
  /** The branch that the remote's HEAD names; null where it isn't known. */
  branch: string | null;
  /** The branch that is checked out. */
  current: string | null;
  /** False in a repository without a commit. */
  commits: boolean;
  /** Names of all tags. */
  tags: readonly string[];
  /** Name of the folder that the repository is in. */
  folder: string;
}

/** The tags that begin and end alike. */
export interface TagForm {
  /** `v{version}`, `name@{version}` ... */
  template: string;
  prefix: string;
  count: number;
  stable: Version | null;
  /** Highest candidate, as twotier spells them. */
  candidate: Version | null;
}

/** Something in the repository that can be released. */
export interface Package {
  artifact: RawArtifact;
  /** `npm`, `pypi` ...: in whose registry it is; null for files of the GitHub release. */
  target: "npm" | "pypi" | "docker" | "go" | null;
  /** Its name there; null where it has none. */
  registryName: string | null;
  /** The file that says what it is. */
  manifest: string;
  /** The version that its manifest spells; null where it has none, or it comes from the tag. */
  version: string | null;
  /** Where its version is spelt, besides what is stamped for its type by itself. */
  stamps?: ExtraStamp[];
  /** What the reader should know where it is released. */
  notes?: string[];
}

/** Something that looks like a package and won't be released. */
export interface LeftOut {
  path: string;
  why: string;
}

/** Text that spells a version besides the manifests. */
export interface ExtraStamp {
  file: string;
  pattern?: string;
  count?: number;
  form?: "semver" | "pep440";
}

/** What another release tool's configuration, or a part of the repository, brings. */
export interface Survey {
  packages: Package[];
  leftOut: LeftOut[];
  /** Sentences that the reader should know, each true by itself. */
  notes: string[];
  stamps: ExtraStamp[];
}

/** What a person has to do where no program can. */
export interface Step {
  what: string;
  /** Pages, exactly. */
  urls: string[];
  command?: string;
}

/** What init would write, and why. */
export interface Proposal {
  config: RawConfig;
  /** Text of twotier.yaml. */
  text: string;
  packages: Package[];
  leftOut: LeftOut[];
  notes: string[];
  tags: { form: TagForm | null; others: TagForm[] };
  /** Text for a VERSION file where one is needed; else null. */
  versionFile: string | null;
}
