import { expect, test } from "vitest";
import { latestRelease, mark } from "./latest.ts";
import { type Release, Repository } from "./store.ts";

function repositoryWith(...releases: Partial<Release>[]): Repository {
  const data = {
    releases: releases.map((one, index) => ({ id: index + 1, createdAt: "2026-01-01T00:00:00Z", ...one })),
  };
  return new Repository("/nowhere", { latest: null, ...data } as unknown as Repository["data"]);
}

test("without a marked release the newest commit's is the latest, then the highest version", () => {
  const repository = repositoryWith(
    { tag: "v9.0.0", createdAt: "2025-01-01T00:00:00Z" },
    { tag: "v1.9.0" },
    { tag: "v1.10.0" },
    { tag: "v2.0.0-rc.1", prerelease: true, createdAt: "2026-02-01T00:00:00Z" },
    { tag: "v3.0.0", draft: true, createdAt: "2026-03-01T00:00:00Z" },
  );
  expect(latestRelease(repository)?.tag).toBe("v1.10.0");
});

test("a marked release is the latest until it is deleted, unmarked or a prerelease", () => {
  const repository = repositoryWith({ tag: "v1.0.0" }, { tag: "v2.0.0" });
  const [old, young] = repository.data.releases as [Release, Release];
  mark(repository, old, "true");
  expect(latestRelease(repository)).toBe(old);
  mark(repository, young, "false");
  expect(latestRelease(repository)).toBe(old);
  mark(repository, old, "false");
  expect(latestRelease(repository)).toBe(young);
  mark(repository, old, "true");
  old.prerelease = true;
  expect(latestRelease(repository)).toBe(young);
  mark(repository, old, "true");
  expect(repository.data.latest).toBeNull();
});

test("legacy marks the newest commit's release, whichever is being changed", () => {
  const repository = repositoryWith({ tag: "v1.0.0", createdAt: "2026-05-05T00:00:00Z" }, { tag: "v2.0.0" });
  mark(repository, repository.data.releases[1] as Release, "legacy");
  expect(latestRelease(repository)?.tag).toBe("v1.0.0");
});
