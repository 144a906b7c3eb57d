import { describe, expect, test } from "vitest";
import { storedName } from "./assets.ts";
import { isRefName } from "./git.ts";
import { findRoute } from "./routes.ts";
import { isOwner, isRepositoryName } from "./store.ts";

test.each([
  ["playground-linux-amd64", "playground-linux-amd64"],
  ["hanzo_playground-0.1.19rc1-py3-none-any.whl", "hanzo_playground-0.1.19rc1-py3-none-any.whl"],
  ["1.1.0-1~buster_amd64.deb", "1.1.0-1.buster_amd64.deb"],
  ["app-v1.3.0-(15-5)-release.apk", "app-v1.3.0-.15-5.-release.apk"],
  ["fake.      file.txt", "fake.file.txt"],
  ["a+b@c.txt", "a+b@c.txt"],
  [".travis.yml", "default.travis.yml"],
  ["résumé.txt", "resume.txt"],
  ["../../etc/passwd", "default.etc.passwd"],
  ["trailing...", "trailing"],
])("GitHub stores the asset %j as %j", (given, stored) => {
  expect(storedName(given)).toBe(stored);
});

describe("names that may become a path or an argument", () => {
  test.each(["octo", "Octo-Cat", "a"])("owner %j is allowed", (name) => expect(isOwner(name)).toBe(true));
  test.each(["", "-a", "a-", "a--b", ".", "..", "a/b", "a b", "a".repeat(40)])("owner %j is not", (name) =>
    expect(isOwner(name)).toBe(false),
  );
  test.each(["cat", ".github", "a.b_c-d"])("repository %j is allowed", (name) =>
    expect(isRepositoryName(name)).toBe(true),
  );
  test.each(["", ".", "..", "a/b", "cat.git", "a\0b"])("repository %j is not", (name) =>
    expect(isRepositoryName(name)).toBe(false),
  );
  test.each(["refs/heads/main", "refs/tags/sdk/go/v1.0.0", "refs/twotier/lock/v1", "refs/tags/--x", "refs/tags/é"])(
    "ref %j is allowed",
    (name) => expect(isRefName(name)).toBe(true),
  );
  test.each([
    "main",
    "refs/",
    "refs//x",
    "refs/tags/",
    "refs/tags/a..b",
    "refs/tags/a b",
    "refs/tags/a\nb",
    "refs/tags/.a",
    "refs/tags/a.lock",
    "refs/tags/a.lock/b",
    "refs/tags/a@{1}",
    "refs/tags/a^{commit}",
    "refs/tags/a.",
    "refs/tags/*",
  ])("ref %j is not", (name) => expect(isRefName(name)).toBe(false));
});

describe("routes", () => {
  const route = (path: string, isApi = false) => findRoute("GET", path.slice(1).split("/"), isApi)?.params;
  test("a rest parameter takes slashes, a plain one doesn't", () => {
    expect(route("/repos/o/r/git/ref/tags/sdk/go/v1")).toEqual({ owner: "o", repo: "r", ref: "tags/sdk/go/v1" });
    expect(route("/repos/o/r/releases/1/2")).toBeUndefined();
    expect(route("/repos/o/r/git/ref/")).toBeUndefined();
  });
  test("below the API's prefix there are no web addresses", () => {
    expect(route("/o/r/releases/latest/download/x")).toEqual({ owner: "o", repo: "r", name: "x" });
    expect(route("/o/r/releases/latest/download/x", true)).toBeUndefined();
    expect(route("/rate_limit", true)).toEqual({});
  });
  test("HEAD is asked like GET, other methods are their own", () => {
    expect(findRoute("HEAD", ["rate_limit"], false)).toBeDefined();
    expect(findRoute("POST", ["rate_limit"], false)).toBeUndefined();
  });
});
