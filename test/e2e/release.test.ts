import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReleaseError } from "../../src/lib/errors.ts";
import { type Project, startProject } from "../support/project.ts";

let project: Project;
beforeEach(async () => {
  project = await startProject();
});
afterEach(() => project.close());

const json = async (url: string) => (await fetch(url)).json() as Promise<Record<string, never>>;
const distTags = async () => (await json(`${project.registries.npm}/@example%2ffast`))["dist-tags"];

/** Tags of the image, as an anonymous visitor gets them (token authentication: distribution.github.io, "auth/token"). */
async function imageTags(): Promise<string[]> {
  const url = `http://${project.registries.docker}/v2/example/fast/tags/list`;
  const challenge = (await fetch(url)).headers.get("www-authenticate") ?? "";
  const [, realm, service] = /realm="([^"]+)",service="([^"]+)"/.exec(challenge) ?? [];
  const answer = await fetch(`${realm}?service=${service}&scope=repository:example/fast:pull`);
  const { token } = (await answer.json()) as { token: string };
  const list = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  return ((await list.json()) as { tags: string[] }).tags;
}

/** The first package of each kind exists already, as for a project that released before. */
async function claim() {
  await project.push("feat: first");
  return project.release({ tier: "staging" });
}

describe("the cycle of two tiers", () => {
  it("goes candidate, candidate, stable, and to the next line", async () => {
    expect((await claim()).manifest?.version).toBe("0.1.1-rc.1");
    await project.push("fix: second");
    expect((await project.release({ tier: "staging" })).manifest?.version).toBe("0.1.1-rc.2");
    const production = await project.release({ tier: "production" });
    expect(production.manifest).toMatchObject({ version: "0.1.1", candidate: { tag: "v0.1.1-rc.2" } });
    expect(await distTags()).toMatchObject({ latest: "0.1.1", next: "0.1.1" });
    expect(await project.release({ tier: "production" })).toMatchObject({ released: false });
    await project.push("feat: third");
    expect((await project.release({ tier: "staging" })).manifest?.version).toBe("0.1.2-rc.1");
    expect(await distTags()).toMatchObject({ latest: "0.1.1", next: "0.1.2-rc.1" });
  });

  it("leaves no lock and no draft behind, and a public pre-release that isn't the latest", async () => {
    await claim();
    const refs = [...(await project.refs()).keys()];
    expect(refs.filter((ref) => ref.startsWith("refs/twotier/"))).toEqual([]);
    expect(refs).toContain("refs/tags/v0.1.1-rc.1");
    expect(refs).toContain("refs/tags/sdk/go/v0.1.1-rc.1");
    const releases = (await (
      await fetch(`${project.registries.github}/repos/example/fast/releases`, {
        headers: { authorization: "Bearer project-token" },
      })
    ).json()) as { draft: boolean; prerelease: boolean }[];
    expect(releases.map(({ draft, prerelease }) => ({ draft, prerelease }))).toEqual([
      { draft: false, prerelease: true },
    ]);
    expect((await fetch(`${project.registries.github}/repos/example/fast/releases/latest`)).status).toBe(404);
  });

  it("releases the candidate's source commit, not the branch's head", async () => {
    const source = await project.push("feat: tested");
    await project.release({ tier: "staging" });
    await project.push("feat: not tested");
    const result = await project.release({ tier: "production" });
    expect(result.manifest?.source).toBe(source);
    expect(result.plan.notInRelease.map((change) => change.subject)).toEqual(["feat: not tested"]);
  });

  it("brings version and changelog to the branch, also when it went on", async () => {
    await project.push("feat: tested", { "src/fast.txt": "1\n", "CHANGELOG.md": "# Changelog\n" });
    await project.release({ tier: "staging" });
    await project.push("feat: not tested");
    await project.release({ tier: "production" });
    await project.git(["pull", "--quiet", "--ff-only", "origin", "main"]);
    const show = async (file: string) => (await project.git(["show", `HEAD:${file}`])).stdout;
    expect(await show("VERSION")).toBe("0.1.1\n");
    expect(await show("CHANGELOG.md")).toContain("## [0.1.1]");
    expect((await project.release({ tier: "staging" })).manifest?.version).toBe("0.1.2-rc.1");
    expect(await project.release({ tier: "staging" })).toMatchObject({ released: false });
  });
});

describe("a release that stopped", () => {
  const steps = ["locked", "staged", "sealed", "unlocked"];
  for (const step of steps) {
    it(`after being ${step} is finished by the same command on another machine`, async () => {
      await claim();
      await project.push("fix: second");
      const stop = new ReleaseError("INTERRUPTED", "killed");
      const onStep = async (now: string) => {
        if (now === step) throw stop;
      };
      await expect(project.release({ tier: "staging" }, { onStep })).rejects.toBe(stop);
      const elsewhere = await project.clone();
      const result = await project.release({ tier: "staging" }, { dir: elsewhere });
      const done = step === "unlocked" ? null : "0.1.1-rc.2";
      expect(result.manifest?.version ?? null).toBe(done);
      expect(await distTags()).toMatchObject({ next: "0.1.1-rc.2" });
      const refs = [...(await project.refs()).keys()];
      expect(refs.filter((ref) => ref.startsWith("refs/twotier/"))).toEqual([]);
      const drafts = (await (
        await fetch(`${project.registries.github}/repos/example/fast/releases`, {
          headers: { authorization: "Bearer project-token" },
        })
      ).json()) as { draft: boolean }[];
      expect(drafts.filter((one) => one.draft)).toEqual([]);
    });
  }

  it("and whose draft somebody deleted is built again, with the very same digests", async () => {
    await claim();
    await project.push("fix: second");
    const stop = new ReleaseError("INTERRUPTED", "killed");
    const onStep = async (now: string) => {
      if (now === "sealed") throw stop;
    };
    await expect(project.release({ tier: "staging" }, { onStep })).rejects.toBe(stop);
    const api = `${project.registries.github}/repos/example/fast/releases`;
    const headers = { authorization: "Bearer project-token" };
    const drafts = ((await (await fetch(api, { headers })).json()) as { id: number; draft: boolean }[]).filter(
      (one) => one.draft,
    );
    for (const { id } of drafts) await fetch(`${api}/${id}`, { method: "DELETE", headers });
    expect(drafts).toHaveLength(1);
    const { manifest } = await project.release({ tier: "staging" }, { dir: await project.clone() });
    expect(manifest?.version).toBe("0.1.1-rc.2");
    expect(await distTags()).toMatchObject({ next: "0.1.1-rc.2" });
    const page = await json(`${api}/tags/v0.1.1-rc.2`);
    expect((page.assets as unknown as { name: string }[]).length).toBe((manifest?.files.length ?? 0) + 1);
  });

  for (const [staged, targets] of [
    ["in an image repository", "npm: true\n  pypi: true\n  docker: true"],
    ["in a folder of this machine", "npm: true\n  pypi: true"],
  ] as const) {
    it(`without GitHub is staged ${staged}, and finished from there`, async () => {
      await claim();
      const { stdout } = await project.git(["show", "HEAD:twotier.yaml"]);
      const yaml = `${stdout.slice(0, stdout.indexOf("targets:"))}targets:\n  ${targets}\n`;
      const fewer = targets.includes("docker") ? yaml : yaml.replace(/ {2}- name: image\n(?: {4}.*\n)+/, "");
      const config = fewer.replace(/ {2}- \{ name: module.*\n/, "");
      await project.push("fix: second", { "twotier.yaml": config, "src/fast.txt": "without github\n" });
      const stop = new ReleaseError("INTERRUPTED", "killed");
      const onStep = async (now: string) => {
        if (now === "sealed") throw stop;
      };
      await expect(project.release({ tier: "staging" }, { onStep })).rejects.toBe(stop);
      const elsewhere = targets.includes("docker") ? { dir: await project.clone() } : {};
      const { manifest } = await project.release({ tier: "staging" }, elsewhere);
      expect(manifest?.version).toBe("0.1.1-rc.2");
      expect(await distTags()).toMatchObject({ next: "0.1.1-rc.2" });
      expect((await imageTags()).filter((tag) => tag.includes("twotier"))).toEqual([]);
    });
  }

  it("has kept its books before nothing tells of it any more", async () => {
    await claim();
    const stop = new ReleaseError("INTERRUPTED", "killed");
    const onStep = async (now: string) => {
      if (now === "unlocked") throw stop;
    };
    await expect(project.release({ tier: "production" }, { onStep })).rejects.toBe(stop);
    await project.git(["pull", "--quiet", "--ff-only", "origin", "main"]);
    expect((await project.git(["show", "HEAD:VERSION"])).stdout).toBe("0.1.1\n");
  });

  it("because a registry holds other bytes is a conflict, and nothing is overwritten", async () => {
    await claim();
    await project.push("fix: second");
    const session = await project.session({ tier: "staging" });
    const { plan } = await session.plan();
    await session.close();
    expect(plan.tag).toBe("v0.1.1-rc.2");
    const form = new FormData();
    const content = "Metadata-Version: 2.1\nName: fast-project\nVersion: 0.1.1rc2\n";
    const fields = { ":action": "file_upload", protocol_version: "1", metadata_version: "2.1", name: "fast-project" };
    for (const [key, value] of Object.entries(fields)) form.set(key, value);
    form.set("version", "0.1.1rc2");
    form.set("filetype", "sdist");
    form.set("pyversion", "source");
    const { createHash } = await import("node:crypto");
    const { gzipSync } = await import("node:zlib");
    const bytes = gzipSync(content);
    form.set("sha256_digest", createHash("sha256").update(bytes).digest("hex"));
    form.set("content", new Blob([bytes]), "fast_project-0.1.1rc2.tar.gz");
    const authorization = `Basic ${Buffer.from("__token__:project-token").toString("base64")}`;
    const answer = await fetch(`${project.registries.pypi}/legacy/`, {
      method: "POST",
      body: form,
      headers: { authorization },
    });
    expect(answer.status, await answer.text()).toBe(200);
    const again = await project.release({ tier: "staging" }).then(
      (result) => result.manifest?.version,
      (error: ReleaseError) => error.code,
    );
    // The number that somebody else used is spent: the candidate gets the next one.
    expect(again).toBe("0.1.1-rc.3");
  });
});

describe("skipping", () => {
  it("records what was skipped, and --resume adds it later", async () => {
    await claim();
    await project.push("fix: second");
    const skip = [{ target: "npm" as const, reason: "npm is down" }];
    const result = await project.release({ tier: "staging" }, { skip });
    expect(result.manifest?.skipped).toEqual(skip);
    expect(await distTags()).toMatchObject({ next: "0.1.1-rc.1" });
    const body = await json(`${project.registries.github}/repos/example/fast/releases/tags/v0.1.1-rc.2`);
    expect(body.body).toContain("npm is down");
    const resumed = await project.release({ tier: "staging" }, { resume: "v0.1.1-rc.2", dir: await project.clone() });
    expect(resumed.manifest?.version).toBe("0.1.1-rc.2");
    expect(await distTags()).toMatchObject({ next: "0.1.1-rc.2" });
  });
});
