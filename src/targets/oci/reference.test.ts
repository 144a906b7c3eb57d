import { expect, test } from "vitest";
import { parseChallenge } from "./auth.ts";
import { isRepository, isTag, mayAuthenticate, parseRegistry, splitId } from "./reference.ts";
import { renderTag, versionOfTag } from "./tags.ts";

test("speaks https to everybody but this machine", () => {
  expect(parseRegistry("ghcr.io").base).toBe("https://ghcr.io");
  expect(parseRegistry("127.0.0.1:5000").base).toBe("http://127.0.0.1:5000");
  expect(parseRegistry("localhost:5000").base).toBe("http://localhost:5000");
  expect(parseRegistry("localhost.evil.example").base).toBe("https://localhost.evil.example");
  expect(parseRegistry("http://registry.internal:5000/")).toMatchObject({
    host: "registry.internal:5000",
    base: "http://registry.internal:5000",
  });
});

test("knows Docker Hub by all its names", () => {
  for (const name of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
    expect(parseRegistry(name)).toEqual({ host: "docker.io", base: "https://registry-1.docker.io", hub: true });
  }
});

test.each([
  ["https://registry-1.docker.io", "https://auth.docker.io/token", true],
  ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true],
  ["https://ghcr.io", "https://ghcr.io/token", true],
  ["http://127.0.0.1:5000", "http://127.0.0.1:5000/token", true],
  ["http://127.0.0.1:5000", "http://127.0.0.1:5001/token", false],
  ["https://ghcr.io", "https://evil.io/token", false],
  ["https://ghcr.io", "http://ghcr.io/token", false],
  ["https://registry-1.docker.io", "https://evil-docker.io/token", false],
  ["https://registry.example.co.uk", "https://evil.co.uk/token", false],
  ["https://example.co.uk", "https://evil.co.uk/token", false],
  ["https://10.0.0.1", "https://10.0.0.2/token", false],
])("credentials for %s may go to %s: %s", (base, realm, allowed) => {
  expect(mayAuthenticate(new URL(realm), new URL(base))).toBe(allowed);
});

test("reads challenges in the forms registries write them", () => {
  expect(
    parseChallenge(
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    ),
  ).toEqual({
    scheme: "bearer",
    realm: "https://auth.docker.io/token",
    service: "registry.docker.io",
    scope: "repository:a/b:pull,push",
  });
  expect(parseChallenge("Basic realm=Registry")).toMatchObject({ scheme: "basic", realm: "Registry" });
  expect(parseChallenge('Negotiate, bearer Realm="/token"')).toMatchObject({ scheme: "bearer", realm: "/token" });
  expect(parseChallenge(undefined)).toBeUndefined();
  expect(parseChallenge("Digest realm=x")).toBeUndefined();
});

test("takes the names the specification allows and no others", () => {
  for (const name of ["a", "playground/control-plane", "a__b/c.d", "a---b"])
    expect(isRepository(name), name).toBe(true);
  for (const name of ["A", "a/", "/a", "a..b", "a/../b", "a b", "a_-b", ""])
    expect(isRepository(name), name).toBe(false);
  for (const tag of ["v0.1.19", "staging-0.1.19-rc.1", "_x"]) expect(isTag(tag), tag).toBe(true);
  for (const tag of ["", ".x", "-x", "a+b", "a/b", "x".repeat(129)]) expect(isTag(tag), tag).toBe(false);
});

test("takes ids apart", () => {
  expect(splitId("a/b:v1")).toEqual({ repository: "a/b", reference: "v1" });
  expect(splitId("a/b@sha256:12")).toEqual({ repository: "a/b", reference: "sha256:12" });
});

test("names tags by their templates and reads versions back from them", () => {
  const release = { version: "0.1.19-rc.4", commit: "0123456789abcdef0123" };
  expect(renderTag("staging-{version}", release)).toBe("staging-0.1.19-rc.4");
  expect(renderTag("{major}.{minor}.{patch}_{commit}", release)).toBe("0.1.19_0123456789ab");
  const tags = { staging: ["staging-{version}", "{commit}-{version}"], production: ["v{version}"] };
  const read = (tag: string) => versionOfTag(tag, tags);
  expect(read("staging-0.1.19-rc.4")).toBe("0.1.19-rc.4");
  expect(read("v0.1.18")).toBe("0.1.18");
  expect(read("0123456789ab-0.1.18")).toBe("0.1.18");
  for (const other of ["latest", "v0.1", "xv0.1.18", "v0.1.18 ", "twotier-staging-0.1.18-0123456789ab"]) {
    expect(read(other), other).toBeUndefined();
  }
});
