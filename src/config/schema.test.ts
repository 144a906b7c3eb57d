import { readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { generate } from "../../scripts/schema.ts";
import { root } from "../../test/tools.ts";
import { descriptions } from "./describe.ts";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const { files, undescribed, unknown } = generate();
const ajv = new Ajv({ strict: false });
const schema = JSON.parse(files.get("schema/twotier.schema.json") as string);
const validate = ajv.compile(schema);

describe("what is published about twotier.yaml", () => {
  test("every key of the schema is described, and nothing else", () => {
    expect(undescribed).toEqual([]);
    expect(unknown).toEqual([]);
  });

  test.each([...files])("%s is current (npm run schema writes it)", (name, text) => {
    expect(read(name)).toBe(text);
  });

  test("the JSON Schema takes the example's config and refuses a misspelt key", () => {
    const config = parse(read("examples/playground/twotier.yaml"));
    expect(validate(config), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...config, trigers: {} })).toBe(false);
    expect(validate({ ...config, targets: { npm: { acess: "public" } } })).toBe(false);
  });

  test("every example is valid at its place", () => {
    const checked = new Set<string>();
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      const { examples, ...schema } = node as { examples?: unknown[] };
      for (const example of Array.isArray(examples) ? examples : []) {
        expect(ajv.validate(schema, example), `${JSON.stringify(example)}: ${ajv.errorsText()}`).toBe(true);
        checked.add(JSON.stringify(example));
      }
      for (const child of Object.values(schema)) visit(child);
    };
    visit(schema);
    const all = Object.values(descriptions).flatMap(({ example }) =>
      example === undefined ? [] : [JSON.stringify(example)],
    );
    expect(all.filter((example) => !checked.has(example))).toEqual([]);
  });
});
