import { asTable, asText, type Table } from "./json.ts";

interface Manager {
  name: "npm" | "pnpm" | "yarn" | "berry" | "bun";
  /** How it is started. */
  command: string;
}

/**
 * Which program installs the dependencies: the one whose lock file is at the root, fetched by npx in the version that
 * package.json names, else in the newest that reads the lock file. CI's machines have none of them, or another version.
 *
 * @param pnpmLock text of pnpm-lock.yaml
 */
export function managerOf(root: Table | undefined, files: readonly string[], pnpmLock: string | null): Manager {
  const [, program, version] = /^([a-z]+)@(\d+\.\d+\.\d+[\w.-]*)/.exec(asText(root?.packageManager) ?? "") ?? [];
  const fetched = (name: Manager["name"], known: string, otherwise: string, from: string = known): Manager => {
    return { name, command: `npx --yes ${from}@${program === known && version ? version : otherwise}` };
  };
  // pnpm 8 writes lock files of version 6, and those before 8 of version 5 (pnpm.io/settings, "lockfileVersion").
  const [, format = "9"] = /^lockfileVersion: '?(\d+)/m.exec(pnpmLock ?? "") ?? [];
  if (pnpmLock !== null) return fetched("pnpm", "pnpm", { 5: "7", 6: "8" }[format] ?? "10");
  if (files.includes("bun.lock") || files.includes("bun.lockb")) return fetched("bun", "bun", "1");
  if (!files.includes("yarn.lock")) return { name: "npm", command: "npm" };
  const modern = files.includes(".yarnrc.yml") || (program === "yarn" && !version?.startsWith("1."));
  // Yarn's own package on npm since version 2 is another one; it hands over to `yarnPath` where that is set.
  return modern ? fetched("berry", "yarn", "4", "@yarnpkg/cli-dist") : fetched("yarn", "yarn", "1");
}

/**
 * The line that builds and packs a package, where `npm ci`, its own build script and `npm pack` aren't enough: another
 * program's lock file or protocols (`workspace:`), or a build that wants another package of the repository built before.
 */
export function runFor(table: Table, released: ReadonlyMap<string, Table>, manager: Manager): string | null {
  const needed = dependenciesOf(table);
  const foreign = Object.values(needed).some((range) => /^(?:workspace|catalog|patch|portal):/.test(range));
  const siblings = builds(table) ? builtBefore(table, released).filter((name) => name !== table.name) : [];
  const installs = builds(table) && Object.keys(needed).length > 0;
  const plain = manager.name === "npm" ? !foreign && !(builds(table) && siblings.length > 0) : !foreign && !installs;
  if (plain) return null;
  const { command } = manager;
  const name = table.name as string;
  // As the others call it: assets of one release stand side by side.
  const file = `${name.replace(/^@/, "").replaceAll("/", "-")}-$VERSION.tgz`;
  const steps: Record<Manager["name"], string[]> = {
    npm: [
      "npm ci --ignore-scripts",
      ...(builds(table)
        ? [
            `npm --prefix "$(npm prefix)" run build --if-present ${[...siblings, name].map((one) => `--workspace ${one}`).join(" ")}`,
          ]
        : []),
      'npm pack --ignore-scripts --pack-destination "$OUT"',
    ],
    pnpm: [
      `${command} install --frozen-lockfile --ignore-scripts`,
      ...(builds(table) ? [`${command} --filter "${name}..." run --if-present build`] : []),
      `${command} --config.ignore-scripts=true pack --pack-destination "$OUT"`,
    ],
    yarn: [
      `${command} install --frozen-lockfile --ignore-scripts`,
      ...(builds(table) ? [`${command} run build`] : []),
      // yarn 1 packs the dates that the build gave its files: no two tarballs are the same. npm's are.
      'npm pack --ignore-scripts --pack-destination "$OUT"',
    ],
    berry: [
      `${command} install --immutable --mode=skip-build`,
      ...(builds(table)
        ? [`${command} workspaces foreach --recursive --topological-dev --from "${name}" run build`]
        : []),
      `${command} pack --out "$OUT/${file}"`,
    ],
    bun: [
      `${command} install --frozen-lockfile --ignore-scripts`,
      ...(builds(table) ? [`${command} run build`] : []),
      `${command} pm pack --ignore-scripts --destination "$OUT"`,
    ],
  };
  return steps[manager.name].join(" && ");
}

/** Names of the packages with a build that a package needs, each after what it needs itself; its own is the last. */
function builtBefore(table: Table, released: ReadonlyMap<string, Table>, seen = new Set<unknown>()): string[] {
  if (seen.has(table.name)) return [];
  seen.add(table.name);
  const needed = Object.keys(dependenciesOf(table)).flatMap((name) => {
    const other = released.get(name);
    return other ? [other] : [];
  });
  const before = needed.flatMap((other) => builtBefore(other, released, seen));
  return builds(table) ? [...before, table.name as string] : before;
}

const builds = (table: Table) => asText(asTable(table.scripts).build) !== undefined;

/** Name -> range, of all kinds. */
function dependenciesOf(table: Table): Record<string, string> {
  const kinds = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
  return Object.fromEntries(
    kinds.flatMap((kind) => Object.entries(asTable(table[kind])).map(([name, range]) => [name, String(range)])),
  );
}
