import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { decodeSeal } from "../../src/git/seal.ts";
import type { Around } from "../../src/registries/server.ts";
import { parseVersion } from "../../src/version/version.ts";
import { observe } from "./observer.ts";
import { randomFrom } from "./random.ts";
import { snapshotOf } from "./snapshot.ts";
import { openWorld, type Template, type World } from "./world.ts";

/** A sealed release, as its tag says. */
interface Sealed {
  tag: string;
  version: string;
  source: string;
}

/** Registries whose requests to git come in an order of the seed's; and what was sealed, in its order. */
export interface Arena {
  world: World;
  /** Makes so many pushes; returns their commits, oldest first. */
  push(count: number): string[];
  /** A clone at that commit. */
  at(commit: string): string;
  /** Tags of releases in the order in which they came to be. */
  sealed: string[];
  /** Called for each change of refs, before it happens; what it waits for, the change waits for. */
  hold: ((request: string) => Promise<void>) | undefined;
  git(...args: string[]): string;
  /** Ends it; returns what users could see meanwhile and shouldn't have. */
  close(): Promise<string[]>;
}

const staging = ["release", "--tier", "staging"];
const production = ["release", "--tier", "production", "--yes"];
const person = ["-c", "user.name=A Person", "-c", "user.email=person@example.invalid"];

/** @param seed of the delays of requests to git; without it there are none */
export async function openArena(template: Template, seed?: number): Promise<Arena> {
  const random = seed === undefined ? undefined : randomFrom(seed);
  let arena: Arena | undefined;
  const around: Around = async (request, response, handle) => {
    const url = request.url ?? "";
    if (!/git-(receive|upload)-pack/.test(url)) return handle(response);
    if (random) await delay(random() * 200);
    if (!url.endsWith("/git-receive-pack")) return handle(response);
    await arena?.hold?.(url);
    await handle(response);
    const tags = arena?.git("for-each-ref", "--format=%(refname:short)", "refs/tags/v*").split("\n") ?? [];
    for (const tag of tags) if (tag !== "" && !arena?.sealed.includes(tag)) arena?.sealed.push(tag);
  };
  const world = await openWorld(template, () => around);
  const observer = observe(world);
  const bare = world.registries.servers.github.admin.gitDir("example/fast");
  const clone = world.clone();
  const run = (dir: string, ...args: string[]) =>
    execFileSync("git", ["-C", dir, ...person, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  let pushes = 0;
  arena = {
    world,
    push(count) {
      const commits: string[] = [];
      for (let n = 0; n < count; n++) {
        writeFileSync(path.join(clone, "src/fast.txt"), `push ${++pushes} of the race\n`);
        run(clone, "commit", "--quiet", "--all", `--message=fix: ${pushes}`);
        // The registries are in this process: their git folder is pushed to directly.
        run(clone, "push", "--quiet", bare, "HEAD:refs/heads/main");
        commits.push(run(clone, "rev-parse", "HEAD").trim());
      }
      return commits;
    },
    at(commit) {
      const dir = world.clone();
      run(dir, "fetch", "--quiet", bare, commit);
      run(dir, "checkout", "--quiet", "--detach", commit);
      return dir;
    },
    sealed: [],
    hold: undefined,
    git: (...args) => execFileSync("git", [`--git-dir=${bare}`, ...args], { encoding: "utf8" }),
    async close() {
      const { seen } = await observer.end();
      await world.close();
      return seen;
    },
  };
  return arena;
}

/** Runs a race, and closes the arena; returns what is wrong, with what users saw of it. */
export async function inArena(arena: Arena, run: (arena: Arena) => Promise<string[]>): Promise<string[]> {
  let seen: string[] = [];
  const findings = await run(arena).finally(async () => {
    seen = await arena.close();
  });
  return [...findings, ...seen];
}

/** What the tags say that twotier made, by their versions, lowest first. */
function releases(arena: Arena): Sealed[] {
  return arena
    .git("for-each-ref", "--sort=version:refname", "--format=%(refname:short)%00%(contents)%01", "refs/tags/v*")
    .split("\u0001\n")
    .flatMap((entry) => {
      const [tag = "", message = ""] = entry.split("\0");
      const seal = tag === "" ? null : decodeSeal(message, tag);
      return seal ? [{ tag, version: seal.manifest.version, source: seal.manifest.source }] : [];
    });
}

const candidatesOf = (all: readonly Sealed[], line: string) =>
  all
    .filter(({ version }) => version.startsWith(`${line}-rc.`))
    .sort((a, b) => (parseVersion(a.version)?.n ?? 0) - (parseVersion(b.version)?.n ?? 0));

/** What is left over, half there, or selected though it isn't the highest. */
async function leftovers(arena: Arena): Promise<string[]> {
  const findings: string[] = [];
  const locks = arena.git("for-each-ref", "--format=%(refname)", "refs/twotier/lock").trim();
  if (locks !== "") findings.push(`locks are left: ${locks}`);
  const world = await snapshotOf(arena.world);
  const all = releases(arena);
  for (const key of world.keys()) if (key.startsWith("github draft")) findings.push(`${key} is left`);
  for (const { tag, version } of all) {
    const python = version.replace("-rc.", "rc");
    const image = version.includes("-") ? `staging-${version}` : `v${version}`;
    const wanted = [
      `npm ${version}`,
      `pypi fast_project-${python}-py3-none-any.whl`,
      `pypi fast_project-${python}.tar.gz`,
      `docker ${image}`,
      `github ${tag}`,
      `github ${tag} checksums.txt`,
      `github ${tag} release.json`,
      `site ${tag}/install.sh`,
      `refs/tags/sdk/go/${tag}`,
    ];
    for (const key of wanted) if (!world.has(key)) findings.push(`${key} is missing`);
  }
  for (const key of world.keys()) {
    const version = /^npm (\d.*)$/.exec(key)?.[1];
    if (version && version !== "0.1.0" && !all.some((one) => one.version === version))
      findings.push(`${key} is of no sealed release`);
  }
  for (const [key, text] of world) if (/ answers \d+$/.test(text)) findings.push(`${key}: ${text}`);
  const stable = all.filter(({ version }) => !version.includes("-")).at(-1)?.version ?? "0.1.0";
  const newest = all
    .map((one) => one.version)
    .sort(order)
    .at(-1);
  const pointers = { "npm @latest": stable, "npm @next": newest } as Record<string, string | undefined>;
  for (const [key, version] of Object.entries(pointers))
    if (world.get(key) !== version) findings.push(`${key} selects ${world.get(key)}, not ${version}`);
  if (stable !== "0.1.0") {
    if (world.get("github latest") !== `v${stable}`) findings.push(`GitHub's latest is ${world.get("github latest")}`);
    if (world.get("docker latest") !== world.get(`docker v${stable}`))
      findings.push("docker latest isn't the stable image");
  }
  return findings;
}

const order = (a: string, b: string): number => {
  const [x, y] = [a, b].map((text) => (/^(\d+)\.(\d+)\.(\d+)(?:-rc\.(\d+))?$/.exec(text) ?? []).slice(1));
  for (let at = 0; at < 4; at++) {
    const [left, right] = [x, y].map((parts) => Number(parts?.[at] ?? Number.POSITIVE_INFINITY));
    if (left !== right) return (left as number) < (right as number) ? -1 : 1;
  }
  return 0;
};

interface Started {
  clone: string;
  args: readonly string[];
}

async function together(arena: Arena, all: readonly Started[]): Promise<{ code: number; output: string }[]> {
  return Promise.all(all.map(({ clone, args }) => arena.world.run(clone, args).done));
}

function failures(done: readonly { code: number; output: string }[]): string[] {
  return done.flatMap(({ code, output }) => (code === 0 ? [] : [`a run ended with ${code}: ${output}`]));
}

/** Releases of so many pushes, started together. */
export async function manyPushes(arena: Arena, count: number): Promise<string[]> {
  const commits = arena.push(count);
  const clones = commits.map((commit) => arena.at(commit));
  const done = await together(
    arena,
    clones.map((clone) => ({ clone, args: staging })),
  );
  const made = candidatesOf(releases(arena), "0.1.1").slice(1);
  const findings = [...failures(done), ...(await leftovers(arena))];
  made.forEach(({ version }, at) => {
    if (version !== `0.1.1-rc.${at + 2}`) findings.push(`${version} comes where 0.1.1-rc.${at + 2} should`);
  });
  if (made.length < 1 || made.length > count) findings.push(`${made.length} candidates were made of ${count} pushes`);
  const places = made.map(({ source }) => commits.indexOf(source));
  for (let at = 1; at < places.length; at++) {
    if ((places[at] as number) <= (places[at - 1] as number))
      findings.push(`${made[at]?.tag} has older code than ${made[at - 1]?.tag}: pushes ${places.join(", ")}`);
  }
  if (places.at(-1) !== count - 1) findings.push(`the last push isn't in the highest: pushes ${places.join(", ")}`);
  return findings;
}

/** So many releases of one push, started together. */
export async function onePush(arena: Arena, count: number): Promise<string[]> {
  const [commit] = arena.push(1) as [string];
  const clones = Array.from({ length: count }, () => arena.at(commit));
  const done = await together(
    arena,
    clones.map((clone) => ({ clone, args: staging })),
  );
  const made = releases(arena).map((one) => one.tag);
  const wanted = ["v0.1.1-rc.1", "v0.1.1-rc.2"];
  const same = made.join() === wanted.join() ? [] : [`there are ${made.join(", ")}`];
  return [...failures(done), ...same, ...(await leftovers(arena))];
}

/** A candidate of a push, and the stable version of the line that the push would be a candidate of. */
export async function stagingAgainstProduction(arena: Arena): Promise<string[]> {
  const [commit] = arena.push(1) as [string];
  const clones = [arena.at(commit), arena.at(commit)] as const;
  const done = await together(arena, [
    { clone: clones[0], args: staging },
    { clone: clones[1], args: production },
  ]);
  const findings = [...failures(done), ...(await leftovers(arena))];
  const tags = releases(arena).map((one) => one.tag);
  if (!tags.includes("v0.1.1")) findings.push("the stable version is missing");
  const late = arena.sealed.slice(arena.sealed.indexOf("v0.1.1")).filter((tag) => tag.startsWith("v0.1.1-"));
  if (late.length > 0) findings.push(`${late} came after the line went stable: ${arena.sealed.join(", ")}`);
  const of = releases(arena).filter((one) => one.source === commit && one.version.includes("-"));
  if (of.length !== 1) findings.push(`the push has ${of.length} candidates: ${tags.join(", ")}`);
  return findings;
}

/** Two production releases, of one candidate or of two. */
export async function twoProductions(arena: Arena, candidates: 1 | 2): Promise<string[]> {
  const findings: string[] = [];
  const [commit] = arena.push(1) as [string];
  const first = await arena.world.run(arena.at(commit), staging).done;
  findings.push(...failures([first]));
  const asked = candidates === 1 ? ["v0.1.1-rc.2", "v0.1.1-rc.2"] : ["v0.1.1-rc.1", "v0.1.1-rc.2"];
  const done = await together(
    arena,
    asked.map((candidate) => ({ clone: arena.at(commit), args: [...production, "--candidate", candidate] })),
  );
  const codes = done.map(({ code }) => code).sort();
  if (candidates === 1) findings.push(...failures(done));
  else {
    if (codes.join() !== "0,1")
      findings.push(`the runs ended with ${codes}: ${done.map((one) => one.output).join("\n")}`);
    const lost = done.find(({ code }) => code !== 0)?.output ?? "";
    if (!lost.includes("LOST")) findings.push(`the refusal says something else: ${lost}`);
  }
  const stable = releases(arena).filter((one) => !one.version.includes("-"));
  if (stable.map((one) => one.tag).join() !== "v0.1.1") findings.push(`stable: ${stable.map((one) => one.tag)}`);
  return [...findings, ...(await leftovers(arena))];
}

/** A run that is killed while it holds a number stops neither the next push, nor production, nor its own push. */
export async function killedLock(arena: Arena): Promise<string[]> {
  const [commit] = arena.push(1) as [string];
  const first = arena.world.run(arena.at(commit), staging);
  let ended = false;
  const done = first.done.then((end) => {
    ended = true;
    return end;
  });
  while (!ended && !arena.git("for-each-ref", "refs/twotier/lock").includes("v0.1.1-rc.2")) await delay(20);
  first.kill();
  const { code, output } = await done;
  const findings = code === -1 ? [] : [`it wasn't killed: ${output}`];
  const expectDone = async (commit: string, args: readonly string[], tag: string) => {
    findings.push(...failures([await arena.world.run(arena.at(commit), args).done]));
    if (!releases(arena).some((one) => one.tag === tag)) findings.push(`${args.join(" ")}: ${tag} is missing`);
  };
  const [next] = arena.push(1) as [string];
  await expectDone(next, staging, "v0.1.1-rc.3");
  await expectDone(commit, staging, "v0.1.1-rc.2");
  await expectDone(next, production, "v0.1.1");
  return [...findings, ...(await leftovers(arena))];
}

/**
 * A run plans, and before it takes its number another one makes that candidate and ends: the first must go on to a
 * candidate of its own push.
 */
export async function overtaken(arena: Arena): Promise<string[]> {
  const [older, newer] = arena.push(2) as [string, string];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived = () => {};
  const waiting = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  arena.hold = () => {
    arena.hold = undefined;
    arrived();
    return gate;
  };
  const slow = arena.world.run(arena.at(newer), staging);
  await Promise.race([waiting, slow.done]);
  const findings = failures([await arena.world.run(arena.at(older), staging).done]);
  release();
  findings.push(...failures([await slow.done]));
  const made = candidatesOf(releases(arena), "0.1.1").slice(1);
  const wanted = [older, newer].map((source, at) => `v0.1.1-rc.${at + 2} ${source}`);
  const found = made.map(({ tag, source }) => `${tag} ${source}`);
  if (found.join() !== wanted.join()) findings.push(`found ${found.join(", ")}, wanted ${wanted.join(", ")}`);
  return [...findings, ...(await leftovers(arena))];
}
