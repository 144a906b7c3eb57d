import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { ReleaseContext } from "../../src/core/target.ts";
import { digestFile, digestOf } from "../../src/lib/hash.ts";
import { startOci } from "../../src/registries/oci/index.ts";
import { createDockerTarget } from "../../src/targets/oci/index.ts";
import { needs } from "../tools.ts";
import { startDebianRegistry, startZot } from "./docker-servers.ts";
import { writeLayout } from "./image.ts";
import { temporary } from "./run.ts";
import type { Running } from "./servers.ts";
import { type Built, type Credential, type Fixture, targetSuite } from "./target-suite.ts";

const repositories = ["playground/control-plane", "playground/agent"];
const password = "right-password";

async function fixture(start: (folder: string) => Promise<Running>): Promise<Fixture> {
  const home = await temporary();
  const registry = await start(home.folder);
  const tokens: Record<Credential, string | undefined> = { good: password, none: undefined, wrong: "wrong-password" };
  const build = async (version: string, salt = "first"): Promise<Built> => {
    const files: ReleaseFile[] = [];
    const places = new Map<string, string>();
    for (const repository of repositories) {
      const name = `${repository.replace("/", "-")}-${version}`;
      const folder = path.join(home.folder, salt, name);
      const sha256 = await writeLayout({ folder, version, salt: `${salt} ${repository}` });
      files.push({ name, size: 0, sha256, kind: "image", package: repository, artifact: repository });
      places.set(name, folder);
    }
    const notes = path.join(home.folder, salt, `notes-${version}.txt`);
    await mkdir(path.dirname(notes), { recursive: true });
    await writeFile(notes, `${version} ${salt}\n`.repeat(1000));
    const { size, digests } = await digestFile(notes);
    const sha256 = digests.sha256 ?? digestOf("");
    files.push({ name: path.basename(notes), size, sha256, kind: "file", artifact: "notes" });
    places.set(path.basename(notes), notes);
    return {
      files,
      async local(name) {
        const file = files.find((one) => one.name === name) as ReleaseFile;
        return { path: places.get(name) as string, size: file.size, sha256: file.sha256 };
      },
    };
  };
  return {
    target: (release: ReleaseContext, credential: Credential = "good") =>
      createDockerTarget({
        registry: registry.host,
        username: credential === "none" ? undefined : "someone",
        token: tokens[credential],
        repositories,
        tags: { staging: ["staging-{version}"], production: ["v{version}", "build-{commit}-{version}"] },
        pointers: { staging: [], production: ["latest"] },
        release,
      }),
    release: (version) => ({
      name: "playground",
      repository: "hanzoai/playground",
      tier: version.includes("-") ? "staging" : "production",
      version,
      tag: `v${version}`,
      commit: "1".repeat(40),
    }),
    build,
    hosts: [registry.host],
    async close() {
      await registry.close();
      await home.remove();
    },
  };
}

targetSuite({
  name: "docker on our registry, with tokens that live for a second",
  takesBack: { staging: "delete done", production: "delete kept" },
  start: () => fixture(() => startOci({ token: password, tokenSeconds: 1 })),
});

targetSuite({
  name: "docker on our registry, which deletes and mounts nothing and wants a password for all",
  takesBack: { staging: "delete manual", production: "delete kept" },
  start: () =>
    fixture(() => startOci({ token: password, auth: "basic", anonymousPull: false, delete: false, mount: false })),
});

targetSuite({
  name: "docker on Debian's docker-registry",
  takesBack: { staging: "delete manual", production: "delete kept" },
  skip: needs(["docker-registry"]),
  lacks: { "refuses wrong credentials in preflight": "it is started without accounts" },
  start: () => fixture(startDebianRegistry),
});

targetSuite({
  name: "docker on zot",
  takesBack: { staging: "delete done", production: "delete kept" },
  skip: needs(["zot"]),
  lacks: { "refuses wrong credentials in preflight": "it is started without accounts" },
  start: () => fixture(startZot),
});
