import { afterEach, beforeEach, expect, it } from "vitest";
import { type GitFixture, gitFixture } from "../../test/git-fixture.ts";
import { startRegistries } from "../registries/index.ts";
import { gitCredentials } from "./credentials.ts";
import { gitIn } from "./git.ts";
import { pushRefs } from "./push.ts";
import { readRefs } from "./refs.ts";

let fixture: GitFixture;
beforeEach(() => {
  fixture = gitFixture();
});
afterEach(() => fixture.close());

it.each([
  ["push.followTags", "true"],
  ["push.gpgSign", "true"],
  ["push.pushOption", "ci.skip"],
  ["push.recurseSubmodules", "only"],
  ["push.default", "nothing"],
  ["tag.gpgSign", "true"],
  ["remote.origin.mirror", "true"],
  ["remote.origin.push", "refs/heads/*:refs/heads/*"],
])("what is named is pushed and nothing else, whatever a user's settings are (%s=%s)", async (key, value) => {
  const to = fixture.commit("a", { a: "1" });
  fixture.git("tag", "-a", "-m", "of nobody's business", "private");
  fixture.git("branch", "private");
  fixture.git("config", key, value);
  const ref = "refs/twotier/lock/v1.0.0";
  expect(await pushRefs(gitIn(fixture.dir), "origin", [{ ref, to, expect: null }])).toBe("done");
  expect(fixture.atOrigin("for-each-ref", "--format=%(refname)").split("\n")).toEqual(["refs/heads/main", ref]);
});

it("says of a push whose server is gone that it may pass, and blames no right", async () => {
  const to = fixture.commit("a", { a: "1" });
  fixture.git("remote", "set-url", "origin", "http://127.0.0.1:1/x.git");
  const change = { ref: "refs/twotier/lock/v1.0.0", to, expect: null };
  await expect(pushRefs(gitIn(fixture.dir), "origin", [change])).rejects.toMatchObject({
    message: "origin didn't take refs/twotier/lock/v1.0.0",
    retryable: true,
    hint: "check `git ls-remote` in this folder, then run the same command again",
  });
});

it.each([1, 30])("a reading of refs that breaks off after %i bytes may be tried again", async (bytes) => {
  const registries = await startRegistries({ token: "t" });
  try {
    fixture.commit("a", { a: "1" });
    const env = gitCredentials(registries.git, "t");
    const address = `${registries.git}/example/cut.git`;
    await gitIn(fixture.dir, { env })(["push", "--quiet", address, "HEAD:refs/heads/main"]);
    registries.faults.add({ registry: "git", path: "**/info/refs**", fault: "cut", bytes });
    await expect(readRefs(gitIn(fixture.dir), address)).rejects.toMatchObject({ code: "GIT", retryable: true });
    expect((await readRefs(gitIn(fixture.dir), address)).names().next().value).toBeDefined();
  } finally {
    await registries.close();
  }
});
