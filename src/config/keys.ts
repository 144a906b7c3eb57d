import type { KeyPath } from "./document.ts";
import { configSchema } from "./schema.ts";

/** A schema's definition, as zod keeps it for walkers like this one. */
interface Definition {
  type: string;
  shape?: Record<string, Schema>;
  innerType?: Schema;
  element?: Schema;
  valueType?: Schema;
  options?: Schema[];
  discriminator?: string;
  values?: unknown[];
}
interface Schema {
  _zod: { def: Definition };
}

/** The keys that a mapping at this path may have. */
export function keysAt(path: KeyPath, root: unknown): string[] {
  let schemas: Schema[] = [configSchema as unknown as Schema];
  for (const [index, key] of path.entries())
    schemas = schemas.flatMap((schema) => step(schema, key, valueAt(root, path.slice(0, index))));
  return schemas
    .flatMap((schema) => variants(schema, valueAt(root, path)))
    .flatMap((def) => Object.keys(def.shape ?? {}));
}

function step(schema: Schema, key: string | number, value: unknown): Schema[] {
  return variants(schema, value).flatMap((def) => {
    const next = typeof key === "number" ? def.element : (def.shape?.[key] ?? def.valueType);
    return next ? [next] : [];
  });
}

/** A schema without its wrappers; of a union, the branches that a value can belong to. */
function variants(schema: Schema, value: unknown): Definition[] {
  const { def } = schema._zod;
  if (def.innerType) return variants(def.innerType, value);
  if (!def.options) return [def];
  const discriminator = def.discriminator;
  const all = def.options.flatMap((option) => variants(option, value));
  if (!discriminator) return all;
  const type = (value as Record<string, unknown> | undefined)?.[discriminator];
  return all.filter((option) => option.shape?.[discriminator]?._zod.def.values?.includes(type));
}

/** The values that an artifact's `type` may have. */
export function artifactTypes(): string[] {
  const artifacts = variants(configSchema.shape.artifacts as unknown as Schema, undefined)[0]?.element;
  const options = artifacts?._zod.def.options ?? [];
  return options.flatMap((option) => (option._zod.def.shape?.type?._zod.def.values ?? []).map(String));
}

/** Where in the config a key of that name is known, e.g. `stamp` -> `version`. Only the levels that have one place. */
export function placesOf(key: string): string[] {
  const top = configSchema.shape as unknown as Record<string, Schema>;
  if (Object.hasOwn(top, key)) return ["the top level"];
  const found: string[] = [];
  const visit = (schema: Schema, path: string) => {
    for (const def of variants(schema, undefined)) {
      if (def.shape && Object.hasOwn(def.shape, key)) found.push(path);
      for (const [name, inner] of Object.entries(def.shape ?? {})) visit(inner, `${path}.${name}`);
    }
  };
  for (const [name, schema] of Object.entries(top)) visit(schema, name);
  return found;
}

/** The value at a path of a document; undefined where there is none. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
