import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import { type Files, type Item, phases, type ReleaseContext, type Target } from "../../src/core/target.ts";
import { asReleaseError, ReleaseError } from "../../src/lib/errors.ts";
import { answer, type TestIoOptions, testIo } from "./io.ts";

/** What a build would have handed over for one version. */
export interface Built {
  files: ReleaseFile[];
  local: Files;
}

export type Credential = "good" | "none" | "wrong";

/** One server, running, and how to make targets, releases and files for it. */
export interface Fixture {
  /** The target for a release, as the engine would make it. */
  target(release: ReleaseContext, credential?: Credential): Promise<Target> | Target;
  /** Context of a release of `version`. Two calls with one version give the same release. */
  release(version: string): Promise<ReleaseContext> | ReleaseContext;
  /** Files of a version. Another `salt`: other bytes under the same names. */
  build(version: string, salt?: string): Promise<Built>;
  /** host:port of every server that may get this target's credentials. */
  hosts: string[];
  close(): Promise<void>;
}

/** Everything a server may be unable to do. The reason is shown in the skipped test's name. */
export type Ability =
  | "refuses wrong credentials in preflight"
  | "keeps other bytes out"
  | "is read without credentials"
  | "lists versions"
  | "moves pointers"
  | "stages"
  | "survives a lost answer"
  | "asks over HTTP"
  | "publishes";

export interface TargetCase {
  /** `npm on Verdaccio` */
  name: string;
  /** The whole case can't run: why. */
  skip?: string | false;
  lacks?: Partial<Record<Ability, string>>;
  /** Versions to play with, lowest first; a candidate and two stables by default. */
  versions?: [candidate: string, stable: string, next: string];
  /** What a rollback of each tier leaves: ways and states of its actions, `unpublish done`. Left out: not looked at. */
  takesBack?: { staging: string; production: string };
  start(): Promise<Fixture>;
}

/** Publishes everything a release expects, in the engine's order: phase by phase, `after` respected, promote last. */
export async function publishAll(target: Target, built: Built, release: ReleaseContext, options: TestIoOptions = {}) {
  const io = testIo(options);
  try {
    const { items, pointers } = target.expect(built.files, release);
    if (target.staging?.holdsAssets) target.staging.use(await target.staging.create(io));
    for (const item of inOrder(items)) await target.publish(item, built.local, io);
    await target.promote?.(io);
    return { items, pointers, io };
  } finally {
    io.close();
  }
}

/** Items by phase; within one, those that others wait for first. */
export function inOrder(items: readonly Item[]): Item[] {
  const out: Item[] = [];
  for (const phase of phases) {
    const waiting = items.filter((item) => item.phase === phase);
    while (waiting.length > 0) {
      const at = waiting.findIndex((item) => !item.after?.some((id) => waiting.some((other) => other.id === id)));
      if (at < 0) throw new Error(`items wait for each other: ${waiting.map((item) => item.id).join(", ")}`);
      out.push(...waiting.splice(at, 1));
    }
  }
  return out;
}

/**
 * The contract of every target (src/core/target.ts), against one server.
 * Call it once for each server; the tests build on one another in the order they stand.
 */
export function targetSuite(testCase: TargetCase): void {
  const [candidate, stable, next] = testCase.versions ?? ["0.1.19-rc.1", "0.1.19", "0.1.20"];
  const unless = (ability: Ability, name: string, run: () => Promise<void>) => {
    const reason = testCase.lacks?.[ability] ?? testCase.lacks?.publishes;
    if (reason) test.skip(`${name} [skipped: ${reason}]`, run);
    else test(name, run);
  };

  describe.skipIf(testCase.skip)(testCase.skip ? `${testCase.name} [skipped: ${testCase.skip}]` : testCase.name, () => {
    let fixture: Fixture;
    const released = async (version: string, credential?: Credential) => {
      const release = await fixture.release(version);
      return { release, target: await fixture.target(release, credential), built: await fixture.build(version) };
    };
    const withIo = async <T>(run: (io: ReturnType<typeof testIo>) => Promise<T>, options: TestIoOptions = {}) => {
      const io = testIo(options);
      try {
        return await run(io);
      } finally {
        io.close();
      }
    };
    beforeAll(async () => {
      fixture = await testCase.start();
    });
    afterAll(() => fixture?.close());

    test("expects the same items again for files that aren't built yet, without asking anybody", async () => {
      const { target, built, release } = await released(candidate);
      const { items, pointers } = target.expect(built.files, release);
      const unbuilt = built.files.map(
        (file): ReleaseFile => ({ ...file, size: 0, sha256: "sha256:", sha512: undefined }),
      );
      const planned = target.expect(unbuilt, release);
      expect(planned.items.length).toBe(items.length);
      expect(planned.items.filter((item) => !item.id.includes("@sha256:")).map((item) => item.id)).toEqual(
        items.filter((item) => !item.id.includes("@sha256:")).map((item) => item.id),
      );
      expect(planned.pointers.map((pointer) => pointer.name)).toEqual(pointers.map((pointer) => pointer.name));
      expect(items.every((item) => item.target === target.name)).toBe(true);
      expect(new Set(items.map((item) => item.id)).size).toBe(items.length);
      for (const pointer of pointers) expect(items.map((item) => item.id)).toContain(pointer.itemId);
      for (const item of items.filter((one) => one.file)) {
        expect(built.files.map((file) => file.name)).toContain(item.file);
      }
    });

    test("preflight has nothing against good credentials and writes nothing", async () => {
      const { target, built, release } = await released(candidate);
      await withIo(async (io) => {
        const findings = await target.preflight(io);
        expect(findings.filter((finding) => finding.level === "error")).toEqual([]);
        for (const item of target.expect(built.files, release).items) {
          expect(await target.observe(item, io)).toMatchObject({ state: "absent" });
        }
      });
    });

    test("preflight reports a missing credential with what to do", async () => {
      const { target } = await released(candidate, "none");
      await withIo(async (io) => {
        const errors = (await target.preflight(io)).filter((finding) => finding.level === "error");
        expect(errors.length).toBeGreaterThan(0);
        for (const finding of errors) expect(finding.hint.length).toBeGreaterThan(10);
      });
    });

    unless("refuses wrong credentials in preflight", "preflight reports a refused credential", async () => {
      const { target } = await released(candidate, "wrong");
      await withIo(async (io) => {
        const errors = (await target.preflight(io)).filter((finding) => finding.level === "error");
        expect(errors.length).toBeGreaterThan(0);
      });
    });

    unless("asks over HTTP", "a registry that can't be reached is never taken for one that holds nothing", async () => {
      const { target, built, release } = await released(candidate);
      const dead = async () => {
        throw new ReleaseError("NETWORK", "nobody answers", { retryable: true });
      };
      const broken = async () => answer(503, "down");
      for (const intercept of [dead, broken]) {
        await withIo(
          async (io) => {
            for (const item of target.expect(built.files, release).items) {
              const code = await target.observe(item, io).then(
                (seen) => `answered ${seen.state}`,
                (error) => asReleaseError(error).code,
              );
              expect(["NETWORK", "REGISTRY", "GIT"]).toContain(code);
            }
          },
          { intercept },
        );
      }
    });

    unless("publishes", "publishes every item and reads each back with the expected digest", async () => {
      const { target, built, release } = await released(candidate);
      const { items } = await publishAll(target, built, release);
      await withIo(async (io) => {
        for (const item of items) {
          expect(await target.observe(item, io), item.id).toMatchObject({ state: "present", digest: item.digest });
        }
      });
    });

    unless(
      "is read without credentials",
      "verifies every item the way a user gets it, without a credential",
      async () => {
        const { target, built, release } = await released(candidate);
        await withIo(async (io) => {
          for (const item of target.expect(built.files, release).items) {
            expect(await target.verify(item, io), item.id).toMatchObject({ state: "present", digest: item.digest });
          }
        });
      },
    );

    unless("publishes", "another machine that knows nothing sees the same", async () => {
      const { target, built, release } = await released(candidate);
      await withIo(async (io) => {
        for (const item of target.expect(built.files, release).items) {
          expect(await target.observe(item, io), item.id).toMatchObject({ state: "present", digest: item.digest });
        }
      });
    });

    unless("publishes", "publishing what is there already changes nothing and is no failure", async () => {
      const { target, built, release } = await released(candidate);
      await withIo(async (io) => {
        for (const item of inOrder(target.expect(built.files, release).items)) {
          if (item.phase === "stage" && target.promote) continue; // a public release's assets can't be sent again
          await target.publish(item, built.local, io);
          expect(await target.observe(item, io)).toMatchObject({ state: "present", digest: item.digest });
        }
      });
    });

    unless(
      "keeps other bytes out",
      "other bytes under the same name are told apart and never replace the first",
      async () => {
        const { target, built, release } = await released(candidate);
        const other = await fixture.build(candidate, "other");
        const first = target.expect(built.files, release).items;
        const items = target.expect(other.files, release).items;
        await withIo(async (io) => {
          for (const item of inOrder(items)) {
            const before = first.find((one) => one.id === item.id);
            if (!before || before.digest === item.digest) continue; // named by its digest: another thing altogether
            const seen = await target.observe(item, io);
            expect(seen).toMatchObject({ state: "present", digest: before.digest });
            if (item.phase !== "stage" || !target.promote) {
              const error = await target.publish(item, other.local, io).then(
                () => undefined,
                (thrown) => asReleaseError(thrown),
              );
              expect(error?.code, item.id).toBe("CONFLICT");
            }
            expect(await target.observe(item, io)).toMatchObject({ state: "present", digest: before.digest });
          }
        });
      },
    );

    unless("lists versions", "lists the versions it holds in SemVer's spelling", async () => {
      const { target } = await released(candidate);
      await withIo(async (io) => {
        const versions = await target.versions(io);
        expect(versions).toContain(candidate);
        expect(versions).not.toContain(next);
      });
    });

    unless(
      "survives a lost answer",
      "a write whose answer is lost is found by reading back, and the rest still works",
      async () => {
        const { target, built, release } = await released(stable);
        let lost = 0;
        const intercept: TestIoOptions["intercept"] = async (request, send) => {
          const response = await send(request);
          const write = request.method === "PUT" || request.method === "POST";
          if (!write || response.status >= 300 || lost >= 2) return response;
          lost++;
          response.discard();
          throw new ReleaseError("NETWORK", `${request.method}: the connection was cut`, { retryable: true });
        };
        const { items } = target.expect(built.files, release);
        await withIo(
          async (io) => {
            if (target.staging?.holdsAssets) {
              const id = await again(() => target.staging?.create(io) as Promise<string>);
              target.staging.use(id);
            }
            for (const item of inOrder(items)) {
              await again(async () => {
                const seen = await target.observe(item, io);
                if (seen.state === "absent") await target.publish(item, built.local, io);
              });
            }
            await again(async () => target.promote?.(io));
            for (const item of items) {
              expect(await target.observe(item, io), item.id).toMatchObject({ state: "present", digest: item.digest });
            }
          },
          { intercept },
        );
      },
    );

    unless("moves pointers", "a pointer selects nothing, then a version, then a higher one", async () => {
      const low = await released(stable);
      const high = await released(next);
      await publishAll(high.target, high.built, high.release);
      await withIo(async (io) => {
        const store = high.target.pointers;
        if (!store) throw new Error("no pointers: say so in `lacks`");
        const to = (of: typeof low) => of.target.expect(of.built.files, of.release).pointers;
        for (const pointer of to(low)) {
          await low.target.pointers?.write(pointer, io);
          expect(await store.read(pointer.name, io), pointer.name).toBe(stable);
        }
        for (const pointer of to(high)) {
          await store.write(pointer, io);
          expect(await store.read(pointer.name, io), pointer.name).toBe(next);
        }
      });
    });

    unless("stages", "keeps files out of sight until they are wanted, and gives them back unchanged", async () => {
      const { target, built } = await released("0.3.0");
      const staging = target.staging;
      if (!staging) throw new Error("no staging: say so in `lacks`");
      await withIo(async (io) => {
        const id = await staging.create(io);
        staging.use(id);
        expect(await staging.list(io)).toContain(id);
        if (staging.put) {
          const file = built.files.find((one) => one.kind !== "image") ?? { name: "notes.txt" };
          const local = await built.local(file.name);
          await staging.put(file.name, local, io);
          const to = `${local.path}.back`;
          await staging.fetch(file.name, to, io);
          const { readFile } = await import("node:fs/promises");
          expect(await readFile(to)).toEqual(await readFile(local.path));
        }
        await staging.discard(id, io);
        await staging.discard(id, io);
        expect(await staging.list(io)).not.toContain(id);
      });
    });

    test("its credentials go to its own registry only", async () => {
      const { target, built, release } = await released(candidate);
      await withIo(async (io) => {
        await target.preflight(io);
        for (const item of target.expect(built.files, release).items) await target.observe(item, io);
        for (const one of io.sent) if (one.headers.authorization) expect(fixture.hosts).toContain(one.host);
      });
    });

    const { takesBack } = testCase;
    if (takesBack) {
      test.each(["staging", "production"] as const)(
        "takes back what it can of a %s release, and reads it back",
        async (tier) => {
          const version = tier === "staging" ? candidate : stable;
          const { target, built, release } = await released(version);
          const about = { tier, version, tag: release.tag, instead: "0.1.18", deleteTag: false };
          const { items } = target.expect(built.files, release);
          await withIo(async (io) => {
            const before = (await target.undo?.plan(items, about, io)) ?? [];
            for (const action of before) if (action.state === "todo") await target.undo?.run(action, about, io);
            const after = (await target.undo?.plan(items, about, io)) ?? [];
            expect([...new Set(after.map(({ way, state }) => `${way} ${state}`))]).toEqual([takesBack[tier]]);
            const gone = /^(delete|unpublish) done$/.test(takesBack[tier]);
            for (const item of items.filter((one) => one.target !== "docker" || one.phase === "tag")) {
              const { state } = await target.observe(item, io);
              if (gone) expect(["absent", "retracted"], item.id).toContain(state);
              else expect(state, item.id).toBe("present");
            }
          });
        },
      );
    }

    test("a run that was stopped stops, and says that it was", async () => {
      const { target, built, release } = await released(candidate);
      const stop = new AbortController();
      stop.abort(new ReleaseError("INTERRUPTED", "stopped by a test"));
      await withIo(
        async (io) => {
          const [item] = target.expect(built.files, release).items;
          if (!item) return;
          const error = await target.observe(item, io).then(
            () => undefined,
            (thrown) => asReleaseError(thrown),
          );
          expect(error?.code).toBe("INTERRUPTED");
        },
        { signal: stop.signal },
      );
    });
  });
}

/** What the engine does after an uncertain write: looks again, at most three times. */
async function again<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (attempt === 3 || !(error.retryable || error.code === "PENDING")) throw error;
    }
  }
}
