/** What a key of twotier.yaml means: the source of the JSON Schema and of docs/configuration.md (scripts/schema.ts). */
export interface Description {
  about: string;
  /** A value as it may be written. */
  example?: unknown;
  /** What holds where the key is left out, in words or as a value. */
  otherwise?: string;
}

/**
 * By path; `[]` stands for an element of a list, `*` for a key that the user chooses. The keys of an artifact are under
 * `artifacts[].TYPE`, those of all types under `artifacts[]`.
 */
export const descriptions: Record<string, Description> = {
  schema: { about: "Version of this file's format.", example: 1, otherwise: "1" },
  name: { about: "Name of the product, in messages, release titles and detected artifacts.", example: "playground" },
  repository: { about: "The GitHub repository, as owner/name.", example: "hanzoai/playground" },

  trigger: { about: "Which changes make a staging release." },
  "trigger.branch": {
    about: "The branch that is released from. A source must be reachable from it.",
    example: "main",
    otherwise: "the remote's HEAD",
  },
  "trigger.paths": {
    about:
      "Globs of files. A commit that touches one of them makes a staging release. The last glob that matches decides, and `!` in front takes files away. Each must match a file.",
    example: ["control-plane/**", "sdk/**", "VERSION", "!**/*.md"],
    otherwise: "`**`, every file",
  },

  version: { about: "Where the version is written, and how its tags are called." },
  "version.file": {
    about:
      "A file with the version on one line. What it says is a floor for the next line (0.2.0 opens that line); it is stamped. `null`: there is none.",
    example: "VERSION",
    otherwise: "`VERSION`, if there is one",
  },
  "version.stamp": {
    about:
      "Files that the version is written into, in the release commit only. A path is enough for package.json, package-lock.json, npm-shrinkwrap.json, pyproject.toml, setup.cfg, `__init__.py` (`__version__`), Cargo.toml, Chart.yaml and files that hold nothing but a version. Any other file has a pattern.",
    example: [
      "sdk/python/pyproject.toml",
      { file: "sdk/go/version.go", pattern: 'Version = "{version}"' },
      { file: "docs/install.md", pattern: "playground@{version}", count: 2 },
      { file: "template/requirements.in.tmpl", pattern: "hanzo-playground>={version}", form: "pep440" },
    ],
    otherwise: "the manifests of the python and npm artifacts",
  },
  "version.stamp[].file": { about: "Path of the file.", example: "sdk/go/version.go" },
  "version.stamp[].pattern": {
    about:
      "Text around the version, taken literally but for `{version}`, which stands for any version. It begins where a word begins. It must match exactly once, or `count` times.",
    example: 'Version = "{version}"',
    otherwise: "the format that the file's name tells",
  },
  "version.stamp[].count": { about: "How often the pattern must match.", example: 2, otherwise: "1" },
  "version.stamp[].form": {
    about: "Spelling: `semver` (0.1.19-rc.1) or `pep440` (0.1.19rc1).",
    example: "pep440",
    otherwise: "pep440 in pyproject.toml, setup.cfg, `*.py` and `requirements*.txt`, semver in all others",
  },
  "version.tag": { about: "Name of a release's tag.", example: "playground@{version}", otherwise: "`v{version}`" },
  "version.gaps": {
    about:
      "`refuse`: after a stable version the next line raises exactly one component by one. `allow`: any higher version, e.g. for calendar versions.",
    example: "allow",
    otherwise: "`refuse`",
  },

  tiers: { about: "What differs between the two tiers." },
  "tiers.staging": { about: "Candidates." },
  "tiers.staging.label": {
    about:
      "Label of candidates: `rc` gives 0.1.19-rc.1. With the target pypi one of rc, beta, alpha, dev, which PEP 440 can spell.",
    example: "beta",
    otherwise: "`rc`",
  },
  "tiers.production": { about: "Stable releases." },
  "tiers.production.bookkeeping": {
    about:
      "What happens to the branch after a production release, so that VERSION, CHANGELOG.md and stamped files on it say what was released: `push` merges the release commit (a pull request where the branch is protected), `pull-request` always asks, `off` does nothing.",
    example: "pull-request",
    otherwise: "`push`",
  },
  "tiers.production.conditions": {
    about:
      "What must hold before a candidate goes to production; `twotier plan --tier production` shows which hold. Nothing is released while one doesn't.",
    example: { verified: true, minAge: "24h", checks: true, changelog: true },
    otherwise: "none: it is enough that there is a complete candidate",
  },
  "tiers.production.conditions.verified": {
    about: "`twotier verify` passes for the candidate: bytes as users get them, marks, pointers, tag and commit.",
    example: true,
    otherwise: "false",
  },
  "tiers.production.conditions.minAge": {
    about:
      "Time since the candidate became public, in minutes, hours or days. GitHub, npm and PyPI say when that was; the last of them counts.",
    example: "24h",
    otherwise: "none",
  },
  "tiers.production.conditions.checks": {
    about:
      "Commands that succeed in a work tree of the source commit, run by the release itself. `true`: those under `checks`.",
    example: ["make test", "make lint"],
    otherwise: "none",
  },
  "tiers.production.conditions.docs": {
    about:
      "Markdown files whose marked examples run in a work tree of the source commit: code blocks (sh, python, js) below a line `<!-- twotier:run -->`.",
    example: ["README.md"],
    otherwise: "none",
  },
  "tiers.production.conditions.changelog": {
    about: "CHANGELOG.md has a section for the version, written by hand, or gets one from the commits.",
    example: true,
    otherwise: "false",
  },
  "tiers.production.conditions.approvers": {
    about:
      "Who may release. The environment says who it is: `TWOTIER_APPROVER`, else on GitHub Actions who started the run.",
    example: ["alice", "bob"],
    otherwise: "anybody with the credentials",
  },
  "tiers.production.conditions.window": {
    about: "When production may be released.",
    example: { days: ["mon", "tue", "wed", "thu"], hours: "09:00-16:30", timezone: "Europe/Berlin" },
    otherwise: "always",
  },
  "tiers.production.conditions.window.days": { about: "Days of the week.", example: ["mon", "tue"], otherwise: "all" },
  "tiers.production.conditions.window.hours": {
    about: "Times of day, from and to; over midnight where the first is the later one.",
    example: "09:00-16:30",
    otherwise: "all day",
  },
  "tiers.production.conditions.window.timezone": {
    about: "Time zone of days and hours.",
    example: "Europe/Berlin",
    otherwise: "`UTC`",
  },

  artifacts: {
    about:
      "What is built. Without it, artifacts are detected: pyproject.toml, package.json that isn't private, Go commands; a Dockerfile with the target docker, Go modules with the target go. An empty list: a release is its tag and its page.",
    example: [{ name: "playground", type: "go", dir: "control-plane", package: "./cmd/playground" }],
    otherwise: "detected",
  },
  "artifacts[].type": { about: "What it is: go, python, npm, image, go-module or command." },
  "artifacts[].name": {
    about: "Its name, unlike all others. For binaries the first part of the asset's name: `NAME-OS-ARCH`.",
    example: "playground",
  },
  "artifacts[].dir": { about: "Its folder.", example: "sdk/python", otherwise: "`.`, the root" },
  "artifacts[].smoke": {
    about:
      "A shell command for `twotier verify --install`, run where the artifact was installed, with what was installed first on the PATH. It must print the version, in SemVer's or PEP 440's spelling.",
    example: "playground --version",
    otherwise: "Python and npm packages are imported; binaries and images are only fetched and compared",
  },

  "artifacts[].go": {
    about: "A Go command, cross-compiled: one raw binary `NAME-OS-ARCH` a platform (`.exe` on Windows).",
    example: {
      name: "playground",
      type: "go",
      dir: "control-plane",
      package: "./cmd/playground",
      platforms: ["linux/amd64", "linux/arm64"],
    },
  },
  "artifacts[].go.package": {
    about: "The command's package, from `dir`.",
    example: "./cmd/playground",
    otherwise: "`.`",
  },
  "artifacts[].go.platforms": {
    about: "GOOS/GOARCH, for ARM with its variant.",
    example: ["linux/amd64", "darwin/arm64", "windows/amd64"],
    otherwise: "darwin and linux, each amd64 and arm64",
  },
  "artifacts[].go.ldflags": {
    about: "Flags for Go's linker. `{version}`, `{commit}` and `{date}` (the source commit's, RFC 3339) are replaced.",
    example: "-s -w -X main.version={version} -X main.commit={commit}",
    otherwise: "`-s -w -X main.version={version}`",
  },
  "artifacts[].go.env": {
    about: "Environment variables of the build. Without CGO_ENABLED cgo is off.",
    example: { GOARM64: "v8.0" },
    otherwise: "none",
  },

  "artifacts[].python": {
    about: "A Python project, built by its own PEP 517 backend. Its name comes from pyproject.toml (or setup.cfg).",
    example: { name: "sdk-python", type: "python", dir: "sdk/python" },
  },
  "artifacts[].python.formats": { about: "`wheel`, `sdist`, or both.", example: ["wheel"], otherwise: "both" },
  "artifacts[].python.isolated": {
    about: "False builds with the packages that are installed, without fetching the backend.",
    example: false,
    otherwise: "true",
  },

  "artifacts[].npm": {
    about: "An npm package: `npm pack` after its own build script. Its name comes from package.json.",
    example: { name: "sdk-typescript", type: "npm", dir: "sdk/typescript" },
  },
  "artifacts[].npm.script": {
    about: "The package.json script that builds it; `null` for none. Other lifecycle scripts don't run.",
    example: "build:release",
    otherwise: "`build`, if there is one",
  },

  "artifacts[].image": {
    about:
      "A container image for several platforms, from a Dockerfile, or from files alone: then it needs no daemon and is the same bytes every time.",
    example: {
      name: "control-plane",
      type: "image",
      files: { "/playground": "playground" },
      entrypoint: ["/playground"],
      user: "65532:65532",
    },
  },
  "artifacts[].image.repository": {
    about: "The image's name, without host and tag.",
    example: "playground/control-plane",
    otherwise: "`repository` in lower case",
  },
  "artifacts[].image.platforms": {
    about: "OS/ARCH or OS/ARCH/VARIANT.",
    example: ["linux/amd64", "linux/arm/v7"],
    otherwise: "linux/amd64 and linux/arm64",
  },
  "artifacts[].image.dockerfile": {
    about: "Path of the Dockerfile in `dir`, which is the build's context.",
    example: "Dockerfile",
    otherwise: "none: the image is made from `files`",
  },
  "artifacts[].image.base": {
    about:
      "What `files` are put on: `scratch`, or a folder of the repository with an OCI layout. Not beside a Dockerfile.",
    example: "images/base",
    otherwise: "`scratch`",
  },
  "artifacts[].image.files": {
    about:
      "Where to -> what: the name of an artifact that makes binaries (its one for that platform: of type go, or a command with files `NAME-OS-ARCH`), or a file or folder of the repository. Without a Dockerfile the destination is a path in the image (`/playground`). With one it is a path in the context, made before the build, in which `{os}` and `{arch}` stand for the platform.",
    example: { "dist/playground-{os}-{arch}": "playground" },
    otherwise: "none",
  },
  "artifacts[].image.files.*": {
    about: "Name of an artifact with binaries, or a file or folder.",
    example: "playground",
  },
  "artifacts[].image.entrypoint": {
    about: "The command that the image runs. Not beside a Dockerfile.",
    example: ["/playground", "serve"],
    otherwise: "none",
  },
  "artifacts[].image.labels": {
    about:
      "Labels. `{version}`, `{commit}` and `{date}` are replaced. Version, revision and source are there by themselves.",
    example: { "org.opencontainers.image.licenses": "MIT" },
    otherwise: "none",
  },
  "artifacts[].image.labels.*": { about: "The label's text.", example: "MIT" },
  "artifacts[].image.env": {
    about: "Environment variables in the image. Not beside a Dockerfile.",
    example: { TZ: "UTC" },
    otherwise: "none",
  },
  "artifacts[].image.ports": {
    about: "Ports that it listens on. Not beside a Dockerfile.",
    example: [8080],
    otherwise: "none",
  },
  "artifacts[].image.user": {
    about: "User (and group) that it runs as. Not beside a Dockerfile.",
    example: "65532:65532",
    otherwise: "root",
  },

  "artifacts[].go-module": {
    about:
      "A Go module in a folder, released by its own tag: `sdk/go/v0.1.19`. A module in the root needs none, the release's tag is its own.",
    example: { name: "sdk-go", type: "go-module", dir: "sdk/go" },
  },

  "artifacts[].command": {
    about: "Anything else: a command that writes files into the folder `$OUT`.",
    example: {
      name: "tool",
      type: "command",
      run: "cargo build --release && cp target/release/tool $OUT/tool-linux-amd64",
      files: ["tool-*"],
    },
  },
  "artifacts[].command.run": {
    about: "Run by `sh -c` in `dir`, with VERSION, PYTHON_VERSION, TAG, COMMIT, SOURCE_DATE_EPOCH and OUT.",
    example: 'cargo build --release && cp target/release/tool "$OUT/tool-linux-amd64"',
  },
  "artifacts[].command.files": { about: "Globs in OUT; each must match a file.", example: ["tool-*"] },
  "artifacts[].command.after": {
    about:
      "Artifacts above it that are built first, on the same machine and in the same work tree. What they leave there (`node_modules`, `dist`) is there.",
    example: ["sdk-typescript"],
    otherwise: "it is built beside all others",
  },
  "artifacts[].command.kind": {
    about: "What the files are: `binary`, `wheel`, `sdist`, `npm` or `file` (a plain asset).",
    example: "file",
    otherwise: "told by their names",
  },
  "artifacts[].command.package": {
    about:
      "Name of the npm package or Python project that the files are: registries are asked about it before the build.",
    example: "hanzo-playground",
    otherwise: "the files are no packages",
  },

  targets: {
    about: "Where it goes. `true` is the target with its defaults, `false` is the same as leaving it out.",
    example: { github: true, npm: true },
    otherwise: "a GitHub release alone",
  },
  "targets.npm": { about: "An npm registry.", example: true, otherwise: "off" },
  "targets.npm.registry": {
    about: "Its address.",
    example: "https://npm.pkg.github.com",
    otherwise: "https://registry.npmjs.org",
  },
  "targets.npm.tags": { about: "The dist-tag of each tier." },
  "targets.npm.tags.staging": { about: "Dist-tag of candidates; never latest.", example: "beta", otherwise: "`next`" },
  "targets.npm.tags.production": { about: "Dist-tag of stable versions.", example: "latest", otherwise: "`latest`" },
  "targets.npm.access": {
    about: "`public` or `restricted`, for packages with a scope.",
    example: "restricted",
    otherwise: "`public`",
  },
  "targets.pypi": { about: "A Python package index.", example: true, otherwise: "off" },
  "targets.pypi.upload": {
    about: "Address that takes uploads.",
    example: "https://test.pypi.org/legacy/",
    otherwise: "https://upload.pypi.org/legacy/",
  },
  "targets.pypi.index": {
    about: "Address of its Simple API.",
    example: "https://test.pypi.org/simple/",
    otherwise: "https://pypi.org/simple/",
  },
  "targets.docker": { about: "An OCI registry: Docker Hub, GHCR, or any other.", example: true, otherwise: "off" },
  "targets.docker.registry": { about: "Its host.", example: "ghcr.io", otherwise: "`docker.io`" },
  "targets.docker.tags": { about: "Version tags of each tier: never moved. One or several." },
  "targets.docker.tags.staging": {
    about: "For candidates.",
    example: "staging-{version}",
    otherwise: "`staging-{version}`",
  },
  "targets.docker.tags.production": {
    about: "For stable versions.",
    example: ["v{version}", "{version}"],
    otherwise: "`v{version}`",
  },
  "targets.docker.pointers": {
    about: "Tags that move with each release of a tier. `{major}`, `{minor}` and `{patch}` are replaced.",
  },
  "targets.docker.pointers.staging": {
    about: "For candidates; never latest.",
    example: ["staging"],
    otherwise: "none",
  },
  "targets.docker.pointers.production": {
    about: "For stable versions.",
    example: ["latest", "v{major}.{minor}"],
    otherwise: "`latest`",
  },
  "targets.github": { about: "A GitHub release.", example: true, otherwise: "off" },
  "targets.github.assets": {
    about: "False: the release holds release.json, checksums.txt and the promotion's proof alone.",
    example: false,
    otherwise: "true",
  },
  "targets.go": { about: "Tags of the Go modules among the artifacts.", example: true, otherwise: "off" },
  "targets.site": {
    about:
      "The site of the install scripts (`twotier generate site`), in one place: a branch, a folder or a bucket. A release puts its own script there, and moves the tier's channel file. `true` is the branch gh-pages. Needs `installer.url`, the site's address.",
    example: true,
    otherwise: "off",
  },
  "targets.site.branch": {
    about: "A branch of the remote, as GitHub Pages serves it.",
    example: "gh-pages",
    otherwise: "`gh-pages`",
  },
  "targets.site.dir": { about: "The site's folder in the branch.", example: "docs", otherwise: "`.`, its root" },
  "targets.site.folder": {
    about: "A folder that a web server of this machine serves; relative to the repository's root, or absolute.",
    example: "/var/www/hanzo.bot",
  },
  "targets.site.bucket": {
    about: "An S3 bucket, with a prefix where there is one. Keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    example: "hanzo-site/install",
  },
  "targets.site.endpoint": {
    about: "Address of what speaks S3's protocol, such as R2 or MinIO.",
    example: "https://0123456789abcdef.r2.cloudflarestorage.com",
    otherwise: "AWS's, in the region",
  },
  "targets.site.region": {
    about: "The bucket's region.",
    example: "eu-central-1",
    otherwise: "AWS_REGION, or us-east-1",
  },

  installer: {
    about:
      "The scripts that users pipe into a shell, which `twotier generate installer` writes to scripts/. `true` is all its defaults. With it, release notes show how to install by them.",
    example: { root: "~/.hanzo", url: "https://hanzo.bot" },
    otherwise: "off",
  },
  "installer.command": {
    about: "Name of the artifact that is installed: of type go, or of type command with files `NAME-OS-ARCH`.",
    example: "playground",
    otherwise: "the only such artifact, or the one called like the product",
  },
  "installer.root": {
    about:
      "Folder that holds `NAME/bin`, `NAME-staging/bin` and the links in `bin`. It may be shared with other products.",
    example: "~/.hanzo",
    otherwise: "`~/.OWNER`, the repository's owner in lower case",
  },
  "installer.url": {
    about: "Where install.sh and uninstall.sh are served.",
    example: "https://hanzo.bot",
    otherwise: "the branch's scripts/ on raw.githubusercontent.com",
  },
  "installer.channels": {
    about:
      "`url` also has channel files (`channels/staging.txt`), so that the newest candidate is known without asking GitHub.",
    example: true,
    otherwise: "true with the target site, else false",
  },
  "installer.minisign": {
    about:
      "Public key of minisign. Then every release must have a `checksums.txt.minisig`, and where minisign is installed it is checked.",
    example: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
    otherwise: "none",
  },
  "installer.attestations": {
    about: "The assets have attestations of GitHub; where `gh` is logged in, the binary's is checked.",
    example: true,
    otherwise: "false",
  },

  checks: {
    about:
      "Commands that must succeed before a release, e.g. tests. The release workflow runs them, ahead of `twotier release`, which doesn't.",
    example: ["make lint", "make test"],
    otherwise: "none",
  },

  notify: {
    about:
      "Who is told of each release, and of one that failed. docs/notifications.md shows the messages. Nobody being told never fails a release.",
    example: [{ type: "slack", env: "SLACK_WEBHOOK_URL", on: ["production", "failure"] }],
    otherwise: "nobody",
  },
  "notify[].type": {
    about: "`slack`, `discord`, or `webhook` for any other: it is sent JSON with all that is known.",
    example: "slack",
  },
  "notify[].env": {
    about:
      "Name of the environment variable with the address. Whoever knows the address can write there: it is a secret, and no part of this file.",
    example: "SLACK_WEBHOOK_URL",
  },
  "notify[].on": {
    about: "What is told: `staging` (a candidate), `production` (a stable release), `failure` of either.",
    example: ["production", "failure"],
    otherwise: "all three",
  },
  "notify[].template": {
    about:
      "The text. `{name}`, `{repository}`, `{tier}`, `{version}`, `{tag}`, `{url}`, `{notes}`, `{pending}`, `{error}`, `{hint}` and `{run}` are filled in; a line whose names all have no value is left out.",
    example: "{name} {version} is out: {url}",
    otherwise: "a line about what happened, and the changes",
  },
};
