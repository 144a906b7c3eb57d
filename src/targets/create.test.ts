import { describe, expect, test } from "vitest";
import { answer } from "../../test/contract/io.ts";
import type { Config, ResolvedArtifacts, TargetsConfig } from "../config/types.ts";
import type { Io } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";
import { type Credentials, createTargets, pypiAddresses, type ReleasedRepository } from "./create.ts";

const all: TargetsConfig = {
  npm: {
    registry: "https://registry.npmjs.org",
    tags: { staging: "next", production: "latest" },
    access: "public",
  },
  pypi: { upload: "https://upload.pypi.org/legacy/", index: "https://pypi.org/simple/" },
  docker: {
    registry: "docker.io",
    tags: { staging: ["staging-{version}"], production: ["v{version}"] },
    pointers: { staging: [], production: ["latest"] },
  },
  github: { assets: true },
  go: {},
  site: { kind: "bucket", bucket: "site", prefix: "", endpoint: null, region: "eu-central-1" },
};

const packages: ResolvedArtifacts["packages"] = {
  npm: ["@octo/cat"],
  pypi: ["octo-cat"],
  docker: ["octo/cat"],
  go: [{ dir: "sdk/go", module: "github.com/octo/cat/sdk/go" }],
};

function config(targets: TargetsConfig): Config {
  return {
    name: "cat",
    repository: "octo/cat",
    trigger: { branch: null, paths: ["**"] },
    version: { tag: "v{version}" },
    targets,
    installer: { command: null, root: null, url: "https://cat.example", channels: true, minisign: null },
  } as Config;
}

const artifacts = [
  { type: "go", name: "cat", dir: ".", package: ".", platforms: ["linux/amd64"], ldflags: "", env: {} },
] as unknown as ResolvedArtifacts["artifacts"];

/** Its refs are read by git, which has no credential of ours to miss. */
const repository: ReleasedRepository = { git: async () => ({ code: 0, stdout: "", stderr: "" }), remote: null };

const deaf = {
  signal: new AbortController().signal,
  now: () => new Date(),
  sleep: async () => {},
  emit: () => {},
};

/** Where the targets' reads go: the only thing that they may do without a server. */
async function hostsAsked(credentials: Credentials): Promise<string[]> {
  const hosts = new Set<string>();
  const io: Io = {
    ...deaf,
    async http(request) {
      hosts.add(new URL(request.url).origin);
      throw new ReleaseError("REGISTRY", "nobody is here");
    },
  };
  const targets = createTargets(config(all), { artifacts, packages }, credentials, repository);
  await Promise.allSettled(targets.flatMap((target) => [target.versions(io), target.preflight(io)]));
  return [...hosts].sort();
}

describe("createTargets", () => {
  test("makes what the config turns on, in the order of the words", () => {
    const names = (targets: TargetsConfig) =>
      createTargets(config(targets), { artifacts, packages }, {}, repository).map((target) => target.name);
    expect(names(all)).toEqual(["npm", "pypi", "docker", "github", "go", "site"]);
    expect(names({ github: { assets: true } })).toEqual(["github"]);
    expect(names({})).toEqual([]);
  });

  test("every target without its secret names the variable before anything is written", async () => {
    const io: Io = { ...deaf, http: async (request) => answer(404, "", {}, request.url) };
    const found = await Promise.all(
      createTargets(config(all), { artifacts, packages }, {}, repository).map(async (target) => {
        const errors = (await target.preflight(io)).filter((finding) => finding.level === "error");
        return errors.map((finding) => `${finding.message} ${finding.hint}`).join(" ");
      }),
    );
    expect(found[0]).toContain("NPM_TOKEN");
    expect(found[1]).toContain("PYPI_TOKEN");
    expect(found[2]).toMatch(/DOCKERHUB_USERNAME.*DOCKERHUB_TOKEN/);
    expect(found[3]).toContain("GITHUB_TOKEN");
    expect(found[5]).toMatch(/AWS_ACCESS_KEY_ID.*AWS_SECRET_ACCESS_KEY/);
  });

  test("made again, they hold the tokens that a registry gave for the same credentials", async () => {
    const asked: string[] = [];
    const io: Io = {
      ...deaf,
      async http({ url, headers }) {
        asked.push(new URL(url).pathname);
        if (url.includes("/token?")) return answer(200, { token: "tok" }, {}, url);
        const challenge = { "www-authenticate": 'Bearer realm="http://127.0.0.1:9/token",service="x"' };
        return headers?.authorization ? answer(200, { tags: [] }, {}, url) : answer(401, "", challenge, url);
      },
    };
    const credentials = { dockerUsername: "u", dockerToken: "t", dockerRegistry: "127.0.0.1:9" };
    const versions = async (of: Credentials) => {
      const { docker } = all;
      const [target] = createTargets(config({ docker }), { artifacts, packages }, of, repository);
      await target?.versions(io);
      return asked.splice(0);
    };
    const list = "/v2/octo/cat/tags/list";
    expect(await versions(credentials)).toEqual([list, "/token", list]);
    expect(await versions(credentials)).toEqual([list]);
    expect(await versions({ ...credentials })).toEqual([list, "/token", list]);
  });

  test("redirected, nothing goes to the config's registries", async () => {
    const secrets = {
      githubToken: "t",
      npmToken: "t",
      pypiToken: "t",
      dockerUsername: "u",
      dockerToken: "t",
      awsAccessKeyId: "a",
      awsSecretAccessKey: "s",
    };
    expect(
      await hostsAsked({
        ...secrets,
        npmRegistry: "http://127.0.0.1:1",
        pypiUrl: "http://127.0.0.1:2",
        dockerRegistry: "127.0.0.1:3",
        githubApiUrl: "http://127.0.0.1:4",
        githubServerUrl: "http://127.0.0.1:4",
        site: "http://127.0.0.1:5",
        siteToken: "t",
      }),
    ).toEqual([1, 2, 3, 4, 5].map((port) => `http://127.0.0.1:${port}`));
    expect(await hostsAsked(secrets)).toEqual(
      expect.arrayContaining([
        "https://api.github.com",
        "https://pypi.org",
        "https://registry.npmjs.org",
        "https://s3.eu-central-1.amazonaws.com",
      ]),
    );
  });
});

describe("pypiAddresses", () => {
  test.each([
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/legacy/", "http://127.0.0.1:8080/simple/"],
    [
      "http://127.0.0.1:8080/root/dev/",
      "http://127.0.0.1:8080/root/dev/legacy/",
      "http://127.0.0.1:8080/root/dev/simple/",
    ],
    ["https://test.pypi.org/legacy/", "https://test.pypi.org/legacy/", "https://test.pypi.org/simple/"],
    ["https://upload.pypi.org/legacy", "https://upload.pypi.org/legacy/", "https://pypi.org/simple/"],
  ])("of %s", (text, upload, index) => {
    expect(pypiAddresses(text)).toEqual({ upload, index });
  });

  test.each(["127.0.0.1:8080", "ftp://host/", "nonsense"])("%s is refused", (text) => {
    expect(() => pypiAddresses(text)).toThrow(/TWOTIER_PYPI_URL is no http address/);
  });
});
