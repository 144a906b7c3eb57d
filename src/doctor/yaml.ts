import { parse } from "yaml";
import type { Tree } from "../config/types.ts";

/** A workflow of GitHub Actions, as a file and as data. */
export interface Workflow {
  path: string;
  text: string;
  /** Null where it is no YAML. */
  value: unknown;
}

/** Workflows at most, and bytes of one: more isn't written by people. */
const most = 200;
const longest = 512 << 10;

/** The workflows of a tree, and its own actions. */
export async function readWorkflows(tree: Tree): Promise<Workflow[]> {
  const isOne = /^(?:\.github\/workflows\/[^/]+|(?:\.github\/actions\/(?:[^/]+\/)+)?action)\.ya?ml$/;
  const paths = (await tree.list()).filter((path) => isOne.test(path)).slice(0, most);
  const texts = await Promise.all(paths.map((path) => tree.read(path)));
  return paths.flatMap((path, index): Workflow[] => {
    const text = texts[index];
    return text === null || text === undefined || text.length > longest ? [] : [{ path, text, value: parsed(text) }];
  });
}

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch {
    return null;
  }
}

/** Names of the secrets that workflows use: `secrets.NAME`, `secrets['NAME']`. */
export function secretsOf(workflows: readonly Pick<Workflow, "text">[]): string[] {
  const names = workflows.flatMap(({ text }) =>
    text
      .split("\n")
      .filter((line) => !/^\s*#/.test(line))
      .flatMap((line) =>
        [...line.matchAll(/\bsecrets\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*'([A-Za-z_]\w*)'\s*\])/g)].map(
          ([, dotted, quoted]) => (dotted ?? quoted ?? "").toUpperCase(),
        ),
      ),
  );
  return [...new Set(names)].sort();
}

/** Every value of a key, anywhere in a document, with the mapping that it is in. */
export function valuesOf(value: unknown, key: string): { found: unknown; within: Record<string, unknown> }[] {
  if (Array.isArray(value)) return value.flatMap((one) => valuesOf(one, key));
  if (typeof value !== "object" || value === null) return [];
  const within = value as Record<string, unknown>;
  const own = Object.hasOwn(within, key) ? [{ found: within[key], within }] : [];
  return [...own, ...Object.values(within).flatMap((one) => valuesOf(one, key))];
}
