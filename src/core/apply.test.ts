import { describe, expect, it } from "vitest";
import { ReleaseError } from "../lib/errors.ts";
import { createHttp } from "../lib/http.ts";
import { type ApplyOptions, apply, applyPhase, movePointers } from "./apply.ts";
import { diff } from "./diff.ts";
import type { Event, Io, Item, Pointer, Seen, Target } from "./target.ts";
import { observe } from "./world.ts";

/** A registry in memory: what it does to a write can be switched per item. */
function memory(name: Target["name"] = "npm") {
  const held = new Map<string, Seen>();
  const pointers = new Map<string, string>();
  const log: string[] = [];
  const failures = new Map<string, (() => void)[]>();
  const target: Target = {
    name,
    expect: () => ({ items: [], pointers: [] }),
    preflight: async () => [],
    versions: async () => [],
    observe: async (item) => held.get(item.id) ?? { state: "absent" },
    publish: async (item) => {
      log.push(`publish ${item.id}`);
      const failure = failures.get(item.id)?.shift();
      failure?.();
      held.set(item.id, { state: "present", digest: item.digest });
    },
    verify: async (item) => held.get(item.id) ?? { state: "absent" },
    pointers: {
      read: async (pointer) => pointers.get(pointer) ?? null,
      write: async (pointer) => {
        log.push(`point ${pointer.name} ${pointer.version}`);
        pointers.set(pointer.name, pointer.version);
      },
    },
  };
  return { target, held, pointers, log, failures };
}

const item = (id: string, more: Partial<Item> = {}): Item => ({
  target: "npm",
  id,
  digest: "sha512:aa",
  file: id,
  phase: "hidden",
  ...more,
});
const pointer: Pointer = { target: "npm", name: "a@latest", itemId: "a@1.0.0", version: "1.0.0" };

function setup(target: Target) {
  const events: Event[] = [];
  let clock = 0;
  const io: Io = {
    http: createHttp(),
    signal: new AbortController().signal,
    now: () => new Date(clock),
    sleep: async (ms) => {
      clock += ms;
    },
    emit: (event) => events.push(event),
  };
  const options: ApplyOptions = {
    targets: [target],
    files: async () => ({ path: "", size: 0, sha256: "sha256:" }),
    io,
    waitSeconds: () => 0,
    compareVersions: (a, b) => a.localeCompare(b, "en", { numeric: true }),
  };
  const run = async (release: { items: Item[]; pointers: Pointer[]; version: string }) =>
    apply(diff(release, await observe(release, [target], io)), options);
  return { run, options, events };
}

describe("apply", () => {
  it("publishes what is absent, then moves pointers, and does nothing the second time", async () => {
    const npm = memory();
    const { run } = setup(npm.target);
    const release = { version: "1.0.0", items: [item("a@1.0.0")], pointers: [pointer] };
    await run(release);
    expect(npm.log).toEqual(["publish a@1.0.0", "point a@latest 1.0.0"]);
    await run(release);
    expect(npm.log).toHaveLength(2);
  });

  it("stops at other bytes under the same name and writes nothing", async () => {
    const npm = memory();
    npm.held.set("a@1.0.0", { state: "present", digest: "sha512:bb" });
    const { run } = setup(npm.target);
    await expect(
      run({ version: "1.0.0", items: [item("a@1.0.0"), item("b@1.0.0")], pointers: [] }),
    ).rejects.toMatchObject({
      code: "CONFLICT",
      facts: { expected: "sha512:aa", found: "sha512:bb" },
    });
    expect(npm.log).toEqual([]);
  });

  it("takes a write as done when the answer failed but the registry holds the bytes", async () => {
    const npm = memory();
    const { run } = setup(npm.target);
    npm.failures.set("a@1.0.0", [
      () => {
        npm.held.set("a@1.0.0", { state: "present", digest: "sha512:aa" });
        throw new ReleaseError("NETWORK", "cut", { retryable: true });
      },
    ]);
    await run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [] });
    expect(npm.log).toEqual(["publish a@1.0.0"]);
  });

  it("repeats a retryable failure after reading back, and says why it waits", async () => {
    const npm = memory();
    const { run, events } = setup(npm.target);
    const fail = () => {
      throw new ReleaseError("REGISTRY", "502", { retryable: true });
    };
    npm.failures.set("a@1.0.0", [fail, fail]);
    await run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [] });
    expect(npm.log).toHaveLength(3);
    expect(events.filter((event) => event.type === "retry")).toHaveLength(2);
  });

  it("gives up at once when a failure can't go away", async () => {
    const npm = memory();
    const { run } = setup(npm.target);
    npm.failures.set("a@1.0.0", [
      () => {
        throw new ReleaseError("AUTH", "refused");
      },
    ]);
    await expect(run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [] })).rejects.toMatchObject({
      code: "AUTH",
    });
    expect(npm.log).toHaveLength(1);
  });

  it("stops instead of sleeping when a registry asks for too long a wait", async () => {
    const npm = memory();
    const { run } = setup(npm.target);
    npm.failures.set("a@1.0.0", [
      () => {
        throw new ReleaseError("RATE_LIMITED", "429", { retryable: true, retryAfter: 1934 });
      },
    ]);
    await expect(run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [] })).rejects.toMatchObject({
      code: "RATE_LIMITED",
      retryAfter: 1934,
    });
  });

  it("publishes an item only after those it names in `after`", async () => {
    const pypi = memory("pypi");
    const { run } = setup(pypi.target);
    const publish = pypi.target.publish;
    pypi.target.publish = async (one, files, io) => {
      if (one.id === "wheel") await new Promise((resolve) => setImmediate(resolve));
      return publish(one, files, io);
    };
    const items = [item("sdist", { target: "pypi", after: ["wheel"] }), item("wheel", { target: "pypi" })];
    await run({ version: "1.0.0", items, pointers: [] });
    expect(pypi.log).toEqual(["publish wheel", "publish sdist"]);
  });

  describe("writes that a registry's answer vouches for", () => {
    const three = ["a", "b", "c"].map((id) => item(id, { target: "github", phase: "stage" }));
    function vouching(answers: (one: Item) => Seen["state"] = () => "staged") {
      const github = memory("github");
      const { publish, observe: look } = github.target;
      github.target.publish = async (one, files, io) => {
        await publish(one, files, io);
        if (answers(one) === "absent" && github.log.filter((line) => line === `publish ${one.id}`).length === 1) {
          github.held.delete(one.id);
        }
        return { state: "staged", digest: one.digest };
      };
      github.target.observe = async (one, io) => {
        github.log.push(`look at ${one.id}`);
        return look(one, io);
      };
      const { options } = setup(github.target);
      const steps = three.map((one) => ({ do: "publish", phase: "stage", item: one }) as const);
      return { ...github, stage: () => applyPhase("stage", steps, options) };
    }

    it("are read back once each, when all of them are there", async () => {
      const { log, stage } = vouching();
      await stage();
      expect(log.slice(0, 3).sort()).toEqual(["publish a", "publish b", "publish c"]);
      expect(log.slice(3).sort()).toEqual(["look at a", "look at b", "look at c"]);
    });

    it("are sent again when they aren't there after all", async () => {
      const { log, held, stage } = vouching((one) => (one.id === "b" ? "absent" : "staged"));
      await stage();
      expect(log.filter((line) => line === "publish b")).toHaveLength(2);
      expect(log.at(-1)).toBe("look at b");
      expect([...held.keys()].sort()).toEqual(["a", "b", "c"]);
    });

    it("stop the release when it holds other bytes after all", async () => {
      const { target, held, stage } = vouching();
      const { publish } = target;
      target.publish = async (one, files, io) => {
        const answer = await publish(one, files, io);
        held.set("c", { state: "staged", digest: "sha256:other" });
        return answer;
      };
      await expect(stage()).rejects.toMatchObject({ code: "CONFLICT", facts: { found: "sha256:other" } });
    });
  });

  it("reports an accepted item as pending and leaves its pointer alone", async () => {
    const npm = memory();
    npm.target.observe = async (one) => (npm.held.has(one.id) ? { state: "pending" } : { state: "absent" });
    npm.target.verify = async () => ({ state: "pending" });
    const { run } = setup(npm.target);
    const applied = await run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [pointer] });
    expect(applied.pending.map((one) => one.id)).toEqual(["a@1.0.0"]);
    expect(npm.log).toEqual(["publish a@1.0.0"]);
  });

  it("never moves a pointer to a lower version", async () => {
    const npm = memory();
    npm.pointers.set("a@latest", "1.0.10");
    const { options, run } = setup(npm.target);
    npm.held.set("a@1.0.0", { state: "present", digest: "sha512:aa" });
    const release = { version: "1.0.9", items: [item("a@1.0.0")], pointers: [{ ...pointer, version: "1.0.9" }] };
    expect((await run(release)).kept).toEqual([{ pointer: { ...pointer, version: "1.0.9" }, at: "1.0.10" }]);
    await movePointers([{ ...pointer, version: "1.0.9" }], options);
    expect(npm.log).toEqual([]);
  });

  it("moves a pointer up again that a slower run took down after our write", async () => {
    const npm = memory();
    npm.pointers.set("a@latest", "0.9.0");
    const { options } = setup(npm.target);
    await movePointers([pointer], options);
    expect(npm.pointers.get("a@latest")).toBe("1.0.0");
  });

  it("moves no pointer when an item can't be had", async () => {
    const npm = memory();
    npm.target.verify = async () => ({ state: "absent" });
    const { run } = setup(npm.target);
    await expect(run({ version: "1.0.0", items: [item("a@1.0.0")], pointers: [pointer] })).rejects.toMatchObject({
      code: "REGISTRY",
    });
    expect(npm.log).toEqual(["publish a@1.0.0"]);
  });
});
