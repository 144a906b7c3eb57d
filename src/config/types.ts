/** twotier.yaml as read: defaults filled in, shorthands spelled out. schema.ts checks it, docs say what each key means. */
export interface Config {
  name: string;
  /** owner/name */
  repository: string;
  trigger: { branch: string | null; paths: string[] };
  version: {
    /** The VERSION file; null where the config says the repository has none. Not named: `VERSION`, which needn't exist. */
    file: string | null;
    /** Null where none are named: then they are the manifests of the artifacts (resolveArtifacts). */
    stamp: Stamp[] | null;
    /** With `{version}`, e.g. `v{version}` */
    tag: string;
    gaps: "refuse" | "allow";
  };
  tiers: {
    staging: { label: string };
    production: { bookkeeping: "push" | "pull-request" | "off"; conditions: Conditions };
  };
  /** Null where none are named: then resolveArtifacts detects them. */
  artifacts: Artifact[] | null;
  targets: TargetsConfig;
  /** Null where the repository doesn't say that it has install scripts. */
  installer: InstallerConfig | null;
  /** Commands that must succeed before a release. CI runs them, ahead of `release`. */
  checks: string[];
  /** Who is told of releases. */
  notify: Notification[];
}

/** A message after a release, or after a failure (src/notify). */
export interface Notification {
  type: "webhook" | "slack" | "discord";
  /** Name of the environment variable that holds the address. */
  env: string;
  on: ("staging" | "production" | "failure")[];
  /** With names in braces; null: the product's own text. */
  template: string | null;
}

/** scripts/install.sh and scripts/uninstall.sh (src/generate/installer). */
export interface InstallerConfig {
  /** The go artifact that is installed; null: the only one, or the one called like the product. */
  command: string | null;
  /** `~/.hanzo`, or absolute; null: `~/.OWNER` */
  root: string | null;
  /** Where the scripts are served, without a slash at the end; null: from the repository. */
  url: string | null;
  /** `url` has channel files. */
  channels: boolean;
  /** Public key of minisign. */
  minisign: string | null;
  attestations: boolean;
}

/** What must hold before a candidate goes to production; all off by default. */
export interface Conditions {
  /** `twotier verify` passes for the candidate. */
  verified: boolean;
  /** Seconds since the candidate became public; 0: any. */
  minAge: number;
  /** Commands that must succeed on the source commit. */
  checks: string[];
  /** Markdown files whose marked examples must run on the source commit. */
  docs: string[];
  /** CHANGELOG.md has, or gets, a section for the version. */
  changelog: boolean;
  /** Who may release; empty: anybody. */
  approvers: string[];
  window: { days: string[]; from: string; to: string; timezone: string } | null;
}

/** A file whose version is stamped: a known format by its name, or a pattern with `{version}` (src/version/stamp.ts). */
export interface Stamp {
  file: string;
  /** `Version = "{version}"`; left out for formats known by file name (package.json, pyproject.toml, Chart.yaml ...) */
  pattern?: string;
  /** How often the pattern must match. Default 1. */
  count?: number;
  /** Spelling. Default: PEP 440 in Python's own files (pyproject.toml, setup.cfg, *.py, requirements*.txt), SemVer in all others. */
  form?: "semver" | "pep440";
}

export type Artifact = GoArtifact | PythonArtifact | NpmArtifact | ImageArtifact | GoModuleArtifact | CommandArtifact;

interface Base {
  /** Unique; for binaries also the first part of the asset's name. */
  name: string;
  /** Folder in the repository, "." for the root. */
  dir: string;
  /** Run by `sh -c` where it was installed (`verify --install`); must print the version. */
  smoke?: string;
}
export interface GoArtifact extends Base {
  type: "go";
  /** `./cmd/playground` */
  package: string;
  /** `linux/amd64` ... */
  platforms: string[];
  /** With `{version}`, `{commit}`, `{date}`: `-X main.version={version}` */
  ldflags: string;
  env: Record<string, string>;
}
export interface PythonArtifact extends Base {
  type: "python";
  formats: ("wheel" | "sdist")[];
  /** False: build with the packages already installed (rehearsals). Default true. */
  isolated: boolean;
}
export interface NpmArtifact extends Base {
  type: "npm";
  /** A package.json script run before `npm pack`; null for none. Left out: `build` if there is one (resolveArtifacts looks). */
  script?: string | null;
}
export interface ImageArtifact extends Base {
  type: "image";
  /** `playground/control-plane`, without host and tag */
  repository: string;
  platforms: string[];
  /** Path of the Dockerfile in `dir`, which is its context; null: one layer is made from `files`, without a daemon. */
  dockerfile: string | null;
  /** `scratch` or a folder (from the repository's root) with an OCI layout. Only without a Dockerfile. */
  base: string;
  /**
   * Destination -> name of an artifact that makes binaries (the one of that platform), or a file or folder of the repository.
   * Without a Dockerfile the destination is the absolute path in the image (`/playground`). With one it is a path in the
   * context, put there before the build, in which `{os}` and `{arch}` stand for the platform (`dist/playground-{os}-{arch}`).
   */
  files: Record<string, string>;
  entrypoint: string[];
  labels: Record<string, string>;
  env: Record<string, string>;
  ports: number[];
  user: string | null;
}
export interface GoModuleArtifact extends Base {
  type: "go-module";
}
export interface CommandArtifact extends Base {
  type: "command";
  /** Run by `sh -c` in `dir` with VERSION, SOURCE_DATE_EPOCH, OUT (a folder for the files). */
  run: string;
  /** Globs in OUT; each must match. */
  files: string[];
  /** Names of artifacts above it that are built first, in the same work tree: what they leave there is there. */
  after?: string[];
  /** Name in the registry of what it makes (`@hanzo/playground`, `hanzo-playground`), so that it can be asked beforehand. */
  package?: string;
  /** What the files are to be: `file` (asset), `wheel`, `sdist`, `npm`, `binary`. Default by their names. */
  kind?: "binary" | "wheel" | "sdist" | "npm" | "file";
}

/** Files of a commit, or of a folder: what config and detection look at. Paths are relative, with slashes. */
export interface Tree {
  /** Text of a file; null where there is none. */
  read(path: string): Promise<string | null>;
  /** Paths of all files. */
  list(): Promise<readonly string[]>;
}

/** An artifact with what its own manifest says. */
export type ResolvedArtifact = Artifact & {
  /**
   * Its name in its registry: `hanzo-playground` (PyPI), `@hanzo/playground` (npm), `playground/control-plane` (image),
   * `github.com/hanzoai/playground/sdk/go` (Go module). Null for binaries, and for commands that name none.
   */
  registryName: string | null;
};

export interface ResolvedArtifacts {
  artifacts: ResolvedArtifact[];
  /** What is stamped: as named, or the manifests of the artifacts. The VERSION file isn't in it. */
  stamp: Stamp[];
  /** Names for the targets' options. */
  packages: {
    npm: string[];
    pypi: string[];
    /** Image repositories. */
    docker: string[];
    go: { dir: string; module: string }[];
  };
}

/** Targets that are on, with their defaults. */
export interface TargetsConfig {
  npm?: {
    registry: string;
    tags: { staging: string; production: string };
    access: "public" | "restricted";
  };
  pypi?: { upload: string; index: string };
  docker?: {
    /** Host, e.g. `docker.io` */
    registry: string;
    /** With `{version}`: the image version tag of each tier; further templates are extra tags. */
    tags: { staging: string[]; production: string[] };
    /** Mutable tags that are pointers: production `latest`. */
    pointers: { staging: string[]; production: string[] };
  };
  github?: { assets: boolean };
  go?: Record<string, never>;
  site?: SiteConfig;
}

/** Where the install site's files are put; `installer.url` is where users read them. */
export type SiteConfig =
  /** A folder of this machine, from the repository's root or absolute, that a web server serves. */
  | { kind: "folder"; folder: string }
  /** A branch of the remote (GitHub Pages), and the folder in it, "." for its root. */
  | { kind: "branch"; branch: string; dir: string }
  /** S3, or what speaks its protocol at `endpoint`. `prefix` "" or with a slash at its end. */
  | { kind: "bucket"; bucket: string; prefix: string; endpoint: string | null; region: string | null };
