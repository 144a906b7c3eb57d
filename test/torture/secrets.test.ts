import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemplate, openWorld, type Template } from "./world.ts";

/** Characters that mean something to regular expressions, addresses, JSON, HTML and shells. */
const token = `t0ken+of/odd=(re)[gex]*.$^|{2}?"'%20&<b>\\x#;`;

/** What a token looks like elsewhere; written down apart from the product's own list. */
function spellings(secret: string): Map<string, Buffer> {
  const found = new Map<string, string>();
  found.set("as it is", secret);
  found.set("URL-encoded", encodeURIComponent(secret));
  found.set("as a form's value", new URLSearchParams({ t: secret }).toString().slice(2));
  found.set("in JSON", JSON.stringify(secret).slice(1, -1));
  for (const user of ["", "x-access-token:", "__token__:", "project:"]) {
    const text = Buffer.from(user + secret).toString("base64");
    found.set(`in base64 after "${user}"`, text.slice(0, 20 + user.length * 2));
    found.set(
      `in base64url after "${user}"`,
      Buffer.from(user + secret)
        .toString("base64url")
        .slice(0, 40),
    );
  }
  found.set("its beginning", secret.slice(0, 12));
  return new Map([...found].map(([name, text]) => [name, Buffer.from(text)]));
}
const forms = spellings(token);

function leaks(where: string, bytes: Buffer): string[] {
  return [...forms].filter(([, form]) => bytes.includes(form)).map(([name]) => `${where}: ${name}`);
}

/** Every file below a folder, and every object of the repositories in it. */
function leaksBelow(dir: string): string[] {
  const findings: string[] = [];
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) findings.push(...leaks(file, readFileSync(file)));
    if (entry.isDirectory() && entry.name === "objects" && existsSync(path.join(entry.parentPath, "HEAD"))) {
      const args = [`--git-dir=${entry.parentPath}`, "cat-file", "--batch", "--batch-all-objects"];
      findings.push(...leaks(entry.parentPath, execFileSync("git", args, { maxBuffer: 1 << 28 })));
    }
  }
  return findings;
}

interface Seen {
  findings: Set<string>;
  /** Names of the programs that were looked at. */
  programs: Set<string>;
}

/** Looks at the arguments and environments of a process and all that it started, builders in groups of their own too, until `done`. */
async function watch(first: number, done: () => boolean): Promise<Seen> {
  const seen: Seen = { findings: new Set(), programs: new Set() };
  const family = new Set([first]);
  while (!done()) {
    // Parents have the lower numbers, mostly: whom that misses is found the next time.
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [, name = "", , parent] = /^\d+ \((.*)\) (\S) (\d+) /.exec(stat) ?? [];
        if (family.has(Number(parent))) family.add(Number(pid));
        if (!family.has(Number(pid))) continue;
        seen.programs.add(name);
        const args = readFileSync(`/proc/${pid}/cmdline`);
        for (const one of leaks(`arguments of ${name}`, args)) seen.findings.add(one);
        // Git needs its credential; the product itself was given them.
        if (Number(pid) === first || name.startsWith("git")) continue;
        const environ = readFileSync(`/proc/${pid}/environ`);
        // A process between fork and exec still has its parent's.
        if (environ.includes(`NPM_TOKEN=`) && args.equals(readFileSync(`/proc/${first}/cmdline`))) continue;
        for (const one of leaks(`environment of ${name}`, environ)) seen.findings.add(one);
      } catch {
        // it has ended
      }
    }
    await delay(10);
  }
  return seen;
}

describe("a token", () => {
  let template: Template;
  beforeAll(async () => {
    template = await makeTemplate();
  });
  afterAll(() => template?.remove());

  it("is in nothing that a run prints, leaves behind or hands to its children, whatever registries answer", async () => {
    const world = await openWorld(template, undefined, token);
    try {
      // Servers that say what they were sent, cut where it hurts.
      const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
      const said = `${"x".repeat(80)} Bearer ${token} Basic ${basic} ${encodeURIComponent(token)} ${JSON.stringify({ token })}`;
      const clone = world.clone();
      const hooks = path.join(clone, ".git/hooks");
      mkdirSync(hooks, { recursive: true });
      for (const hook of ["reference-transaction", "post-checkout", "pre-push"]) {
        writeFileSync(path.join(hooks, hook), `#!/bin/sh\nenv > '${world.dir}/hook-${hook}'\n`);
        chmodSync(path.join(hooks, hook), 0o755);
      }
      const faults = [
        { registry: "npm", method: "PUT", status: 403 },
        { registry: "pypi", method: "POST", status: 403 },
        { registry: "docker", method: "PUT|PATCH|POST", status: 500 },
        { registry: "github", method: "POST|PATCH", status: 422 },
        { registry: "npm", method: "GET", status: 401 },
        { registry: "docker", path: "/token**", method: "GET", status: 401 },
      ] as const;
      const outputs: string[] = [];
      const programs = new Set<string>();
      const findings: string[] = [];
      const release = async (env: Record<string, string> = {}) => {
        let ended = false;
        const run = world.run(clone, ["release", "--tier", "staging", "--verbose"], { env });
        const done = run.done.finally(() => {
          ended = true;
        });
        const seen = await watch(run.pid, () => ended);
        for (const one of seen.programs) programs.add(one);
        findings.push(...seen.findings);
        const { code, output } = await done;
        outputs.push(output);
        findings.push(...leaks("output", Buffer.from(output)));
        return code;
      };
      for (const fault of faults) {
        const undo = world.registries.faults.add({
          ...fault,
          fault: "status",
          body: { error: said, message: said, errors: [{ code: "DENIED", message: said }] },
          count: "all",
        });
        expect(await release(), outputs.at(-1)).not.toBe(0);
        undo();
      }
      // A line break at the end comes from pasting; it is no part of the token.
      expect(await release({ NPM_TOKEN: `${token}\n`, GITHUB_TOKEN: ` ${token}\r\n` }), outputs.at(-1)).toBe(0);
      expect([...new Set([...findings, ...leaksBelow(world.dir)])]).toEqual([]);
      expect(readdirSync(world.dir).filter((name) => name.startsWith("hook-"))).toEqual([]);
      expect(programs).toContain("git");
      expect(programs).toContain("python3");
      expect(outputs.join("\n")).toContain("[redacted]");
    } finally {
      await world.close();
    }
  });

  it("that no header can carry is refused with its variable's name", async () => {
    const world = await openWorld(template);
    try {
      const env = { NPM_TOKEN: "the-first-line\nthe-second-line" };
      const { code, output } = await world.run(world.clone(), ["release", "--tier", "staging"], { env }).done;
      expect(code).toBe(1);
      expect(output).toContain("error[AUTH]: NPM_TOKEN holds a line break");
      expect(output).not.toMatch(/the-(first|second)-line/);
    } finally {
      await world.close();
    }
  });
});
