import type { Io, Undo, UndoAction } from "../../core/target.ts";
import type { Git } from "../../git/push.ts";
import { commitOf, readRefs } from "../../git/refs.ts";
import { type GoModule, moduleOfTag } from "./modules.ts";

interface Context {
  modules: readonly GoModule[];
  git: Git;
  remote: string | null;
}

/**
 * Go's module proxy may keep a version for ever: a module takes back its own versions, by `retract` lines in the
 * go.mod of a later one (https://go.dev/ref/mod#go-mod-file-retract). Candidates need none: `go get` chooses them
 * only where there is no stable version.
 */
export function goUndo(context: Context): Undo {
  const { modules } = context;
  return {
    async plan(items, { tier, version }, io) {
      const prefixes = items.map((item) => moduleOfTag(modules, item.id).module);
      const root = modules.filter((module) => module.dir === ".");
      return Promise.all(
        [...new Set([...prefixes, ...root])].map(async (module): Promise<UndoAction> => {
          const action = (state: UndoAction["state"], text: string): UndoAction => {
            return { target: "go", id: `${module.module}@v${version}`, way: "retract", state, text };
          };
          const file = module.dir === "." ? "go.mod" : `${module.dir}/go.mod`;
          if (await isRetracted(context, file, version, io)) return action("done", `${file} retracts it`);
          const line = `go mod edit -retract=v${version} ${file}`;
          if (tier === "staging") {
            return action("kept", `Go's proxy may keep it, but chooses it for nobody; to hide it: ${line}`);
          }
          const text = `Go's proxy may keep it for ever: run \`${line}\`, commit, and release the next version; go get then leaves it out`;
          return action("manual", text);
        }),
      );
    },
    async run() {},
  };
}

/** Whether the go.mod on the remote's default branch has a `retract` line for the version. */
async function isRetracted({ git, remote }: Context, file: string, version: string, io: Io): Promise<boolean> {
  io.signal.throwIfAborted();
  const refs = await readRefs(git, remote);
  const head = refs.head === null ? commitOf(refs, "HEAD") : commitOf(refs, `refs/heads/${refs.head}`);
  if (head === undefined) return false;
  const read = () => git(["cat-file", "blob", `${head}:${file}`], { ok: [0, 128] });
  let found = await read();
  if (found.code !== 0 && remote !== null) {
    await git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, head], { ok: [0, 1, 128] });
    found = await read();
  }
  return found.code === 0 && retracts(found.stdout, version);
}

/** Reads `retract v1.0.0`, `retract [v1.0.0, v1.2.0]` (single versions of it) and blocks of such lines. */
export function retracts(text: string, version: string): boolean {
  const code = text.replace(/\/\/[^\n]*/g, "");
  const blocks = [...code.matchAll(/^retract\s*\(([^)]*)\)/gm)].map((match) => match[1] ?? "");
  const lines = [...code.matchAll(/^retract\s+([^(\n]+)$/gm)].map((match) => match[1] ?? "");
  return [...blocks.flatMap((block) => block.split("\n")), ...lines].some((line) => {
    const versions: readonly string[] = line.match(/v\d+\.\d+\.\d+[^\s,\]]*/g) ?? [];
    return versions.includes(`v${version}`);
  });
}
