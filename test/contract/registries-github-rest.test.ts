import { Octokit } from "@octokit/rest";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorld, token, type World } from "./github-server.ts";

/** GitHub's rules on our server, asked with GitHub's own client, each answer held against GitHub's OpenAPI description. */
describe("GitHub's REST API on our server, through Octokit", () => {
  let world: World;
  let octokit: Octokit;
  let anonymous: Octokit;
  const at = { owner: "octo", repo: "cat" };
  const silent = { debug() {}, info() {}, warn() {}, error() {} };

  beforeAll(async () => {
    world = await startWorld({ readOnlyTokens: ["ghp_reader"] });
    octokit = new Octokit({ baseUrl: world.server.url, auth: token, log: silent });
    anonymous = new Octokit({ baseUrl: world.server.url, log: silent });
  });
  afterAll(() => world.close());

  const create = async (tag: string, more: object = {}) =>
    (await octokit.repos.createRelease({ ...at, tag_name: tag, ...more })).data;
  const latest = async () => (await anonymous.repos.getLatestRelease(at)).data.tag_name;
  const upload = (release: { id: number; upload_url: string }, name: string, data: string) =>
    octokit.repos.uploadReleaseAsset({
      ...at,
      release_id: release.id,
      url: release.upload_url,
      name,
      data,
      headers: { "content-type": "text/plain" },
    } as Parameters<typeof octokit.repos.uploadReleaseAsset>[0]);
  const failure = async (asked: Promise<unknown>) => {
    const error = (await asked.then(
      () => ({ status: 0 }),
      (thrown: unknown) => thrown,
    )) as { status: number; response?: { data: { message: string; errors?: unknown[] } } };
    return { message: "", ...error.response?.data, status: error.status };
  };

  describe("who may do what", () => {
    test("anonymous writes get 401, a token that may only read gets 403", async () => {
      const asked = { ...at, tag_name: "v9.9.9" };
      expect(await failure(anonymous.repos.createRelease(asked))).toMatchObject({
        status: 401,
        message: "Requires authentication",
      });
      const reader = new Octokit({ baseUrl: world.server.url, auth: "ghp_reader", log: silent });
      expect(await failure(reader.repos.createRelease(asked))).toMatchObject({ status: 403 });
      expect((await reader.repos.get(at)).data.permissions).toMatchObject({ push: false, pull: true });
      expect((await octokit.repos.get(at)).data.permissions).toMatchObject({ push: true });
      expect((await anonymous.repos.get(at)).data.permissions).toBeUndefined();
    });

    test("a repository that isn't there is 404, the user behind a token can be asked", async () => {
      expect(await failure(octokit.repos.get({ owner: "octo", repo: "dog" }))).toMatchObject({
        status: 404,
        message: "Not Found",
      });
      expect((await octokit.users.getAuthenticated()).data.login).toBe("octocat");
      expect((await failure(anonymous.users.getAuthenticated())).status).toBe(401);
      expect((await octokit.rateLimit.get()).data.rate.remaining).toBeGreaterThan(1000);
      expect((await octokit.meta.get()).status).toBe(200);
    });
  });

  describe("drafts", () => {
    test("are hidden from the public, from by-tag and from latest, and make no tag until they are published", async () => {
      const draft = await create("v0.1.0", { draft: true, name: "hidden", target_commitish: world.first });
      expect(draft).toMatchObject({ draft: true, published_at: null, html_url: expect.stringContaining("/untagged-") });
      const tag = { ...at, tag: "v0.1.0" };
      expect((await failure(octokit.repos.getReleaseByTag(tag))).status).toBe(404);
      expect((await failure(anonymous.repos.getRelease({ ...at, release_id: draft.id }))).status).toBe(404);
      expect((await anonymous.repos.listReleases(at)).data.map((one) => one.id)).not.toContain(draft.id);
      expect((await octokit.repos.listReleases(at)).data.map((one) => one.id)).toContain(draft.id);
      expect((await failure(octokit.git.getRef({ ...at, ref: "tags/v0.1.0" }))).status).toBe(404);

      const { data } = await octokit.repos.updateRelease({ ...at, release_id: draft.id, draft: false });
      expect(data).toMatchObject({ draft: false, tag_name: "v0.1.0", published_at: expect.any(String) });
      expect((await octokit.git.getRef({ ...at, ref: "tags/v0.1.0" })).data.object.sha).toBe(world.first);
      expect((await anonymous.repos.getReleaseByTag(tag)).data.id).toBe(draft.id);
    });

    test("several of them may wait for one tag, but only one can be published", async () => {
      const one = await create("v0.1.1", { draft: true });
      const two = await create("v0.1.1", { draft: true });
      await octokit.repos.updateRelease({ ...at, release_id: one.id, draft: false });
      const publish = octokit.repos.updateRelease({ ...at, release_id: two.id, draft: false });
      expect(await failure(publish)).toMatchObject({
        status: 422,
        message: expect.stringContaining("Validation Failed"),
        errors: [{ resource: "Release", code: "already_exists", field: "tag_name" }],
      });
      expect((await octokit.repos.getRelease({ ...at, release_id: two.id })).data.draft).toBe(true);
      await octokit.repos.deleteRelease({ ...at, release_id: two.id });
    });

    test("keep what an update doesn't name", async () => {
      const draft = await create("v0.1.2", { draft: true, name: "n", body: "b", prerelease: true });
      const { data } = await octokit.repos.updateRelease({ ...at, release_id: draft.id, body: "c" });
      expect(data).toMatchObject({ name: "n", body: "c", prerelease: true, draft: true });
      await octokit.repos.deleteRelease({ ...at, release_id: draft.id });
    });
  });

  describe("the latest release", () => {
    test("make_latest is true where it isn't named, on an update too", async () => {
      const first = await create("v1.0.0");
      await create("v1.1.0");
      expect(await latest()).toBe("v1.1.0");
      await octokit.repos.updateRelease({ ...at, release_id: first.id, body: "a typo mended" });
      expect(await latest()).toBe("v1.0.0");
      await create("v1.2.0", { make_latest: "false" });
      expect(await latest()).toBe("v1.0.0");
    });

    test("is never a draft or a prerelease, and asking for it is refused", async () => {
      const before = await latest();
      const candidate = await create("v1.3.0-rc.1", { prerelease: true });
      expect(await latest()).toBe(before);
      const asked = octokit.repos.updateRelease({ ...at, release_id: candidate.id, make_latest: "true" });
      expect(await failure(asked)).toMatchObject({
        status: 422,
        errors: [{ resource: "Release", code: "custom", message: "Latest release cannot be draft or prerelease." }],
      });
      await octokit.repos.updateRelease({ ...at, release_id: candidate.id, prerelease: false });
      expect(await latest()).toBe("v1.3.0-rc.1");
      await octokit.repos.deleteRelease({ ...at, release_id: candidate.id });
    });

    test("legacy chooses by version among releases of one commit", async () => {
      await create("v2.10.0", { make_latest: "false" });
      await create("v2.9.0", { make_latest: "legacy" });
      expect(await latest()).toBe("v2.10.0");
      await create("v0.0.1", { make_latest: "legacy" });
      expect(await latest()).toBe("v2.10.0");
    });
  });

  describe("assets", () => {
    test("are hashed, downloaded with a redirect, and only once of a name", async () => {
      const release = await create("v3.0.0", { draft: true });
      const asset = (await upload(release, "cat.txt", "meow")).data;
      expect(asset).toMatchObject({
        state: "uploaded",
        size: 4,
        digest: "sha256:404cdd7bc109c432f8cc2443b45bcfe95980f5107215c645236e577929ac3e52",
      });
      expect(await failure(upload(release, "cat.txt", "other"))).toMatchObject({
        status: 422,
        errors: [{ resource: "ReleaseAsset", code: "already_exists", field: "name" }],
      });
      const bytes = await octokit.repos.getReleaseAsset({
        ...at,
        asset_id: asset.id,
        headers: { accept: "application/octet-stream" },
      });
      expect(Buffer.from(bytes.data as unknown as ArrayBuffer).toString()).toBe("meow");
      expect((await failure(anonymous.repos.getReleaseAsset({ ...at, asset_id: asset.id }))).status).toBe(404);

      const renamed = await octokit.repos.updateReleaseAsset({ ...at, asset_id: asset.id, name: "a cat~1.txt" });
      expect(renamed.data.name).toBe("a.cat.1.txt");
      await octokit.repos.deleteReleaseAsset({ ...at, asset_id: asset.id });
      expect((await octokit.repos.listReleaseAssets({ ...at, release_id: release.id })).data).toEqual([]);
    });

    test("an upload that breaks off leaves a starter, which has no bytes and keeps the name", async () => {
      const release = await create("v3.0.1", { draft: true });
      const url = release.upload_url.replace(/\{.*/, "?name=half");
      const aborter = new AbortController();
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(1000));
        },
      });
      const sent = fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-length": "2000", "content-type": "text/plain" },
        body,
        duplex: "half",
        signal: aborter.signal,
      } as RequestInit);
      const broken = expect(sent).rejects.toThrow();
      await expect
        .poll(async () => (await octokit.repos.getRelease({ ...at, release_id: release.id })).data.assets[0])
        .toMatchObject({ name: "half", state: "starter", size: 0, digest: null });
      aborter.abort();
      await broken;
      expect((await failure(upload(release, "half", "all of it"))).status).toBe(422);
      const [left] = (await octokit.repos.getRelease({ ...at, release_id: release.id })).data.assets;
      await octokit.repos.deleteReleaseAsset({ ...at, asset_id: left?.id ?? 0 });
      expect((await upload(release, "half", "all of it")).data.state).toBe("uploaded");
    });

    test("uploads need a name and a length", async () => {
      const release = await create("v3.0.2", { draft: true });
      expect((await failure(upload(release, "", "x"))).status).toBe(400);
      expect((await failure(upload(release, "empty", ""))).message).toMatch(/^Bad Content-Length/);
    });
  });

  describe("immutable releases", () => {
    test("publishing is final: no asset more, the tag stays, and is spent when the release is deleted", async () => {
      const setting = "/repos/{owner}/{repo}/immutable-releases";
      expect((await failure(octokit.request(`GET ${setting}`, at))).status).toBe(404);
      await octokit.request(`PUT ${setting}`, at);
      expect((await octokit.request(`GET ${setting}`, at)).data.enabled).toBe(true);
      const draft = await create("v4.0.0", { draft: true });
      expect(draft.immutable).toBe(false);
      const asset = (await upload(draft, "cat", "meow")).data;
      const id = { ...at, release_id: draft.id };
      const published = (await octokit.repos.updateRelease({ ...id, draft: false, make_latest: "false" })).data;
      expect(published.immutable).toBe(true);

      expect(await failure(upload(draft, "late", "x"))).toMatchObject({
        status: 422,
        message: "Cannot upload assets to an immutable release.",
      });
      expect((await failure(octokit.repos.deleteReleaseAsset({ ...at, asset_id: asset.id }))).status).toBe(422);
      expect((await failure(octokit.repos.updateRelease({ ...id, draft: true }))).status).toBe(422);
      expect((await failure(octokit.git.deleteRef({ ...at, ref: "tags/v4.0.0" }))).status).toBe(422);
      await expect(world.git("push", world.remote(), ":refs/tags/v4.0.0")).rejects.toThrow();
      await octokit.repos.updateRelease({ ...id, body: "words may change", make_latest: "true" });
      expect(await latest()).toBe("v4.0.0");

      await octokit.repos.deleteRelease(id);
      await octokit.git.deleteRef({ ...at, ref: "tags/v4.0.0" });
      const again = octokit.repos.createRelease({ ...at, tag_name: "v4.0.0" });
      expect(await failure(again)).toMatchObject({
        status: 422,
        errors: [{ code: "custom", field: "tag_name", message: "tag_name was used by an immutable release" }],
      });
      await expect(world.git("push", world.remote(), "main:refs/tags/v4.0.0")).rejects.toThrow();
      await octokit.request(`DELETE ${setting}`, at);
    });
  });

  describe("refs", () => {
    test("creating is create-only: of many at once one wins, the others are told that it exists", async () => {
      const ref = "refs/twotier/lock/v5.0.0";
      const all = await Promise.all(
        Array.from({ length: 6 }, () => failure(octokit.git.createRef({ ...at, ref, sha: world.first }))),
      );
      expect(all.filter((one) => one.status === 0)).toHaveLength(1);
      for (const lost of all.filter((one) => one.status !== 0)) {
        expect(lost).toMatchObject({ status: 422, message: expect.stringContaining("Reference already exists") });
      }
      expect((await octokit.git.listMatchingRefs({ ...at, ref: "twotier/" })).data.map((one) => one.ref)).toEqual([
        ref,
      ]);
      await octokit.git.deleteRef({ ...at, ref: ref.slice(5) });
      expect(await failure(octokit.git.deleteRef({ ...at, ref: ref.slice(5) }))).toMatchObject({
        status: 422,
        message: expect.stringContaining("Reference does not exist"),
      });
    });

    test("bad names, missing objects and moves that aren't fast-forward are refused", async () => {
      const ask = (ref: string, sha = world.first) => failure(octokit.git.createRef({ ...at, ref, sha }));
      expect((await ask("heads/x")).message).toContain("must start with 'refs/'");
      for (const ref of [
        "refs/heads/a b",
        "refs/heads/a..b",
        "refs/heads/a~1",
        "refs/heads/\nx",
        "refs/heads/x.lock",
      ]) {
        expect((await ask(ref)).status, ref).toBe(422);
      }
      expect((await ask("refs/heads/x", "0".repeat(40))).message).toContain("Object does not exist");
      expect((await ask("refs/heads/x", "--help")).status).toBe(422);

      await world.git("commit", "--quiet", "--allow-empty", "-m", "second");
      await world.git("push", "--quiet", world.remote(), "HEAD:refs/heads/work");
      const move = { ...at, ref: "heads/work", sha: world.first };
      expect((await failure(octokit.git.updateRef(move))).message).toContain("Update is not a fast forward");
      expect((await octokit.git.updateRef({ ...move, force: true })).data.object.sha).toBe(world.first);
    });

    test("annotated tags, commits, files and lists can be read", async () => {
      const tag = await octokit.git.createTag({
        ...at,
        tag: "v6.0.0",
        message: "six\n\nwith a body",
        object: world.first,
        type: "commit",
        tagger: { name: "Octo", email: "octo@example.test", date: "2026-01-02T03:04:05Z" },
      });
      await octokit.git.createRef({ ...at, ref: "refs/tags/v6.0.0", sha: tag.data.sha });
      const read = await octokit.git.getTag({ ...at, tag_sha: tag.data.sha });
      expect(read.data).toMatchObject({ message: "six\n\nwith a body", object: { sha: world.first, type: "commit" } });
      expect(read.data.tagger.date).toBe("2026-01-02T03:04:05Z");
      expect((await octokit.git.getCommit({ ...at, commit_sha: world.first })).data.message).toBe("first");
      expect((await octokit.repos.getCommit({ ...at, ref: "v6.0.0" })).data.sha).toBe(world.first);
      expect((await octokit.repos.listCommits({ ...at, sha: "main" })).data.at(-1)?.sha).toBe(world.first);
      const file = (await octokit.repos.getContent({ ...at, path: "README.md" })).data as { content: string };
      expect(Buffer.from(file.content, "base64").toString()).toBe("# cat\n");
      const tags = await octokit.paginate(octokit.repos.listTags, at);
      expect(tags.find((one) => one.name === "v6.0.0")?.commit.sha).toBe(world.first);
      expect((await octokit.repos.listBranches(at)).data.map((one) => one.name)).toContain("main");
      expect((await failure(octokit.repos.getCommit({ ...at, ref: "nope" }))).status).toBe(422);
    });

    test("a protected branch says so, and refuses pushes", async () => {
      const branch = { ...at, branch: "main" };
      expect(await failure(octokit.repos.getBranchProtection(branch))).toMatchObject({
        status: 404,
        message: expect.stringContaining("Branch not protected"),
      });
      await world.server.admin.protectBranch("octo/cat", "main");
      expect((await octokit.repos.getBranchProtection(branch)).data.enforce_admins?.enabled).toBe(true);
      await world.git("commit", "--quiet", "--allow-empty", "-m", "third");
      await expect(world.git("push", world.remote(), "main")).rejects.toMatchObject({
        facts: { output: expect.stringContaining("GH006: Protected branch update failed for refs/heads/main") },
      });
      await world.server.admin.protectBranch("octo/cat", "main", false);
      await world.git("push", "--quiet", world.remote(), "main");
    });
  });

  describe("requests", () => {
    test("a release without a tag name, with a wrong type, for an unknown commit, with a hostile tag", async () => {
      const ask = (body: object) =>
        failure(octokit.repos.createRelease({ ...at, ...body } as Parameters<typeof octokit.repos.createRelease>[0]));
      expect((await ask({})).message).toContain(`"tag_name" wasn't supplied`);
      expect((await ask({ tag_name: "v7", draft: "yes" })).message).toContain("is not a boolean");
      expect((await ask({ tag_name: "v7", target_commitish: "nowhere" })).errors).toEqual([
        { resource: "Release", code: "invalid", field: "target_commitish" },
      ]);
      for (const tag_name of ["a b", "../x", "v7\nrefs/heads/x", "x..y", ""]) {
        expect((await ask({ tag_name })).status, tag_name).toBe(422);
      }
      await create("v7.0");
      expect((await ask({ tag_name: "v7.0/below" })).errors).toMatchObject([{ code: "custom" }]);
      const tag = { ...at, tag: "x", message: "m", object: "HEAD", type: "commit" } as const;
      expect((await failure(octokit.git.createTag(tag))).status).toBe(422);
      expect((await create("--upload-pack=touch")).tag_name).toBe("--upload-pack=touch");
    });

    test("lists come in pages with links, and lag when they are told to", async () => {
      const all = await octokit.paginate(octokit.repos.listReleases, { ...at, per_page: 3 });
      expect(new Set(all.map((one) => one.id)).size).toBe(all.length);
      expect(all.length).toBeGreaterThan(9);
      const first = await octokit.repos.listReleases({ ...at, per_page: 3 });
      expect(first.headers.link).toMatch(/<http:.*[?&]page=2>; rel="next", <.*>; rel="last"/);

      world.server.admin.setListLag(60_000);
      const hidden = await create("v7.1.0");
      const ids = (await octokit.repos.listReleases(at)).data.map((one) => one.id);
      expect(ids).not.toContain(hidden.id);
      expect((await octokit.repos.getRelease({ ...at, release_id: hidden.id })).status).toBe(200);
      world.server.admin.setListLag(0);
    });

    test("an answer one has already is 304, and notes can be generated", async () => {
      const { headers } = await octokit.repos.get(at);
      const again = octokit.repos.get({ ...at, headers: { "if-none-match": headers.etag } });
      expect((await failure(again)).status).toBe(304);
      const notes = await octokit.repos.generateReleaseNotes({ ...at, tag_name: "v8", previous_tag_name: "v7.1.0" });
      expect(notes.data.body).toMatch(/compare\/v7\.1\.0\.\.\.v8$/);
      expect((await create("v8", { generate_release_notes: true, body: "mine" })).body).toMatch(/^mine\n\n\*\*Full/);
    });

    test("a limit of requests is kept, and said in the headers", async () => {
      const small = await startWorld({ rateLimit: 3 });
      const client = new Octokit({ baseUrl: small.server.url, auth: token, log: silent });
      const rests = [];
      for (let i = 0; i < 3; i++) rests.push((await client.repos.get(at)).headers["x-ratelimit-remaining"]);
      expect(rests).toEqual(["2", "1", "0"]);
      expect(await failure(client.repos.get(at))).toMatchObject({
        status: 403,
        message: expect.stringContaining("API rate limit exceeded"),
      });
      await small.close();
    });
  });

  test("every answer above is as GitHub's OpenAPI description says", () => {
    expect(world.check.findings).toEqual([]);
    expect(world.check.seen.size).toBeGreaterThan(40);
  });
});
