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

/** Every value of a key, anywhere in a document. What aliases stand for is looked at once, also where it holds itself. */
export function valuesOf(value: unknown, key: string): unknown[] {
  const found: unknown[] = [];
  const seen = new Set<object>();
  const visit = (node: unknown) => {
    if (typeof node !== "object" || node === null || seen.has(node)) return;
    seen.add(node);
    if (!Array.isArray(node) && Object.hasOwn(node, key)) found.push((node as Record<string, unknown>)[key]);
    for (const child of Object.values(node)) visit(child);
  };
  visit(value);
  return found;
}
