import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installScript, uninstallScript } from "../../src/generate/installer/index.ts";
import { makeUsers } from "./fixture.ts";
import { shellNames, thin } from "./sandbox.ts";
import { binaryOf, exampleInput, startWorld, type World } from "./world.ts";

// Stopped at any point: half a script does nothing; a killed run leaves a version that runs, and the next one tidies up.
// `make test` takes every third point.

let world: World;
let user: Awaited<ReturnType<typeof makeUsers>>;
beforeAll(async () => {
  world = await startWorld(["0.1.17", "0.1.18"]);
  user = await makeUsers(world);
});
afterAll(() => world.close());

const link = ".hanzo/bin/playground";
const count = async (work: () => Promise<number>, what: string) => console.log(`installer: ${await work()} ${what}`);

/** Where a download may break off: after each line, and at each byte of the last one. */
function cuts(script: string): number[] {
  const lines = [...script.matchAll(/\n/g)].map((match) => match.index + 1);
  const last = lines.at(-2) as number;
  const bytes = Array.from({ length: script.length - 2 - last }, (_, at) => last + at + 1);
  return [...lines.slice(0, -1), ...bytes];
}

describe.each(shellNames)("half a script, with %s", (shell) => {
  test.each(["install", "uninstall"] as const)("%s.sh does nothing", { timeout: 300_000 }, async (name) => {
    const input = await exampleInput();
    const script = name === "install" ? installScript(input) : uninstallScript(input);
    const one = user({ shell });
    await one.install(["--version", "0.1.17", "--no-modify-path"]);
    const before = world.requests(one.name).length;
    const all = cuts(script);
    const last = script.length - '{ main "$@"; exit 0; }\n'.length;
    // Of the lines each for dash, for the others one in nine; and every byte of the last one.
    const step = thin * (shell === "dash" ? 1 : 9);
    const chosen = all.filter((at, index) => at > last || index % step === 0);
    await count(async () => {
      for (const at of chosen) {
        const args = name === "install" ? [] : ["--yes"];
        const half = script.slice(0, at);
        const ran = await (name === "install" ? one.install : one.uninstall)(args, { script: half });
        if (at > last) expect(ran.code, JSON.stringify(half.slice(last))).not.toBe(0);
      }
      return chosen.length;
    }, `halves of ${name}.sh, ${shell}`);
    expect(world.requests(one.name)).toHaveLength(before);
    expect(await one.says(link)).toBe("playground 0.1.17");
    expect(existsSync(path.join(one.home, ".bashrc"))).toBe(false);
  });
});

/** Programs that kill their whole process group, themselves last, when the one at `$KILL_AT` is called. */
function killers(): Record<string, string> {
  const names =
    "cat chmod cp cut df dirname getconf grep head ln mkdir mv readlink rm rmdir sed sort tail tr uname curl sha256sum mktemp".split(
      " ",
    );
  const of = (name: string) =>
    [
      'echo x >>"$HOME/.steps"',
      // Counted by the shell itself: another program each time would cost more than the tests.
      'n=0; while read -r _; do n=$((n + 1)); done <"$HOME/.steps"',
      'if [ "$n" = "$KILL_AT" ]; then kill -9 0; fi',
      `exec /usr/bin/${name} "$@"`,
    ].join("\n");
  return Object.fromEntries(names.map((name) => [name, of(name)]));
}

const steps = (home: string) => readFileSync(path.join(home, ".steps"), "utf8").length / 2;

/** The programs as they are, before the killers. */
const safe = { path: ["/usr/bin", "/bin"] };

describe("a run killed before each program that it calls", () => {
  test.each([
    ["dash", 1],
    ["bash", 6],
  ] as const)(
    "%s: what was there or what is new runs, and the next run leaves nothing behind",
    { timeout: 300_000 },
    async (shell, every) => {
      await count(async () => {
        let killed = 0;
        for (let at = 1; ; at += every * thin) {
          const one = user({ shell, own: killers(), env: { SHELL: "/bin/bash", KILL_AT: "0" } });
          const profile = path.join(one.home, ".profile");
          writeFileSync(profile, "# mine\n");
          await one.install(["--version", "0.1.17", "--no-modify-path"], safe);
          writeFileSync(path.join(one.home, ".steps"), "");
          const ran = await one.install([], { env: { KILL_AT: String(at) } });
          if (ran.code === 0 && steps(one.home) < at) break;
          // Two programs of one pipe may have counted at the same moment: then nobody was the one.
          if (ran.code === 0) continue;
          killed++;
          expect(ran.code).toBe(null);
          expect([binaryOf("0.1.17"), binaryOf("0.1.18")]).toContain(readFileSync(path.join(one.home, link), "utf8"));
          const next = await one.install([], safe);
          expect(next.code, `killed at ${at}: ${next.stderr}`).toBe(0);
          expect(readFileSync(path.join(one.home, link), "utf8")).toBe(binaryOf("0.1.18"));
          expect(one.leftovers()).toEqual([]);
          expect(readFileSync(profile, "utf8").match(/>>> playground/g)).toHaveLength(1);
          expect(readdirSync(path.join(one.home, ".hanzo/playground")).sort()).toEqual(["bin", "previous", "receipt"]);
        }
        expect(killed).toBeGreaterThan(30 / every / thin);
        return killed;
      }, `kills of install.sh, ${shell}`);
    },
  );

  test("uninstall goes on where it was killed, and the profile is whole at any time", {
    timeout: 300_000,
  }, async () => {
    await count(async () => {
      let killed = 0;
      for (let at = 1; ; at += thin) {
        const one = user({ own: killers(), env: { SHELL: "/bin/bash", KILL_AT: "0" } });
        const profile = path.join(one.home, ".profile");
        const mine = "# mine\n".repeat(50);
        writeFileSync(profile, mine);
        await one.install([], safe);
        writeFileSync(path.join(one.home, ".steps"), "");
        const ran = await one.uninstall(["--yes"], { env: { KILL_AT: String(at) } });
        expect(readFileSync(profile, "utf8").startsWith(mine)).toBe(true);
        if (ran.code === 0 && steps(one.home) < at) return killed;
        if (ran.code === 0) continue;
        killed++;
        const again = await one.uninstall(["--yes"], safe);
        expect(again.code).toBe(0);
        expect(existsSync(path.join(one.home, link))).toBe(false);
        expect(existsSync(path.join(one.home, ".hanzo/playground"))).toBe(false);
        expect(readFileSync(profile, "utf8")).toBe(mine);
        expect(readdirSync(one.home).filter((name) => name.includes(".playground."))).toEqual([]);
      }
    }, "kills of uninstall.sh");
  });
});
